// Package config loads a node's settings from a file and the environment into the structs that their stages declare.
package config
