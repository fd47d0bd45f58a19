package features

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Presets returns the systems whose numbers a preset reproduces, as written.
func Presets() []string { return []string{"sklearn", "nvtabular", "tft", "spark"} }

// Preset returns the options that a preset changes in an operator's defaults, as a
// recipe would write them: that system's documented conventions. A recipe's own
// options come after and win. An operator that is not named keeps quern's defaults;
// what no option can reproduce (approximate quantiles, hashes that are not portable,
// the tie order of tft's vocabularies) is not pretended.
func Preset(preset, operator string) map[string]any {
	switch preset {
	case "sklearn": // scikit-learn 1.9
		return sklearnPreset(operator)
	case "nvtabular": // NVTabular 23.08
		return nvtabularPreset(operator)
	case "tft": // TensorFlow Transform 1.16
		return tftPreset(operator)
	case "spark": // Spark ML 4.0
		return sparkPreset(operator)
	}
	return nil
}

func sklearnPreset(operator string) map[string]any {
	switch operator {
	case "fill": // SimpleImputer: NaN is what is missing
		return map[string]any{"nan": "fill"}
	case "standardize": // StandardScaler: a constant column has scale 1
		return map[string]any{"ddof": Literal("0"), "constant": "center"}
	case "bucketize": // KBinsDiscretizer: the last bin is closed
		return map[string]any{"closed": "left_max"}
	case "categorify": // OrdinalEncoder: ids from 0 in the order of the values
		return map[string]any{"order": "value", "padding": false, "null_id": false, "oov_buckets": Literal("0")}
	case "target_encode": // TargetEncoder: empirical Bayes, five folds
		return map[string]any{"smoothing": "auto", "folds": Literal("5")}
	case "hash_bucket": // FeatureHasher's function
		return map[string]any{"hash": "murmur3"}
	}
	return nil
}

func nvtabularPreset(operator string) map[string]any {
	switch operator {
	case "standardize": // Normalize
		return map[string]any{"ddof": Literal("1"), "constant": "center"}
	case "bucketize": // Bucketize
		return map[string]any{"nan": "last"}
	case "target_encode": // TargetEncoding
		return map[string]any{"smoothing": Literal("20"), "folds": Literal("3")}
	}
	return nil
}

func tftPreset(operator string) map[string]any {
	switch operator {
	case "standardize": // scale_to_z_score leaves NaN and infinities out
		return map[string]any{"ddof": Literal("0"), "constant": "center", "infinities": "ignore"}
	case "bucketize": // apply_buckets
		return map[string]any{"nan": "last"}
	case "categorify": // compute_and_apply_vocabulary: ids from 0
		return map[string]any{"padding": false, "null_id": false, "oov_buckets": Literal("0")}
	case "hash_bucket": // hash_strings
		return map[string]any{"hash": "farm"}
	}
	return nil
}

func sparkPreset(operator string) map[string]any {
	switch operator {
	case "standardize": // StandardScaler
		return map[string]any{"ddof": Literal("1"), "constant": "zero"}
	case "bucketize": // Bucketizer: the last bucket is closed
		return map[string]any{"closed": "left_max"}
	case "categorify": // StringIndexer: ids from 0 by frequency
		return map[string]any{"padding": false, "null_id": false, "oov_buckets": Literal("0")}
	case "target_encode": // TargetEncoder: no cross-fitting
		return map[string]any{"smoothing": Literal("0"), "folds": Literal("1")}
	case "hash_bucket": // HashingTF's function and seed
		return map[string]any{"hash": "murmur3", "seed": Literal("42")}
	}
	return nil
}

// NewOperator returns a new operator of entry with the defaults of a preset; "" is
// quern's own.
func NewOperator(entry Entry, preset string) Operator {
	op := entry.New()
	if mistakes := Decode(op, Preset(preset, entry.Name)); len(mistakes) > 0 {
		panic(fmt.Sprintf("quern: bug: preset %s of %s: %v", preset, entry.Name, mistakes[0]))
	}
	return op
}

// presetsMarkdown is the section of docs/OPERATORS.md on presets.
func presetsMarkdown() string {
	var b strings.Builder
	b.WriteString("\n## Presets\n\n`preset:` at the top of a recipe changes the operators' defaults to another system's documented conventions. A step's\nown options win. What no option can reproduce (approximate quantiles, hashes that are not portable, tie orders) stays as quern has it.\n\n")
	b.WriteString("| operator | " + strings.Join(Presets(), " | ") + " |\n|---|" + strings.Repeat("---|", len(Presets())) + "\n")
	for _, e := range Catalogue() {
		row, any := "| "+e.Name, false
		for _, preset := range Presets() {
			options := Preset(preset, e.Name)
			var cells []string
			for _, key := range slices.Sorted(maps.Keys(options)) {
				cells = append(cells, fmt.Sprintf("`%s: %v`", key, options[key]))
			}
			any = any || len(cells) > 0
			row += " | " + strings.Join(cells, ", ")
		}
		if any {
			b.WriteString(row + " |\n")
		}
	}
	return b.String()
}
