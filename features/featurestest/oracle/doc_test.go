// Package oracle compares quern with numpy, pandas and scikit-learn: random tables
// and the flights go through the whole pipeline, and a Python program
// (testdata/compare.py) computes every output column again from the same input files.
//
// The Python environment is build/oracle, made by `make oracle`. Without it the tests
// are skipped; where QUERN_REQUIRE_ORACLE is set (CI), that is a failure. The truths
// of math/big, at the level of the pipeline, need no Python.
package oracle
