package proto

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestCodeIsFresh: source and code are those that were made together.
func TestCodeIsFresh(t *testing.T) {
	sums, err := os.ReadFile("generated.sha256")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%x", sha256.Sum256(data)) != sum {
			t.Errorf("%s was changed without the others: run make proto", name)
		}
		files++
	}
	if files != 3 {
		t.Errorf("%d files are listed, want 3", files)
	}
}
