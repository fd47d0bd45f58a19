package featurestest_test

import (
	"testing"

	"quern/cpu"
	"quern/features/featurestest"
)

func TestOperatorsOnCPU(t *testing.T) { featurestest.Run(t, cpu.New()) }
