// Package telemetry is allow-list logging, metrics and health; no patient data passes it (I8).
package telemetry
