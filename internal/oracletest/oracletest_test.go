package oracletest_test

import (
	"testing"

	"quern/internal/oracletest"
)

func TestScriptsGetArgumentsAndGiveJSON(t *testing.T) {
	var got []string
	oracletest.Run(t, "import json, sys\nprint(json.dumps(sys.argv[1:]))", &got, "a", "b c")
	if len(got) != 2 || got[1] != "b c" {
		t.Errorf("got %q", got)
	}
}
