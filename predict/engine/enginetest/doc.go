// Package enginetest gives tests of tree ensembles their material: models that XGBoost trained, what XGBoost answers for
// given rows, random trees, and their JSON. It is for tests only and runs /usr/bin/python3.
package enginetest
