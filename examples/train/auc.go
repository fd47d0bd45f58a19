package main

import (
	"cmp"
	"slices"
)

// auc returns the area under the ROC curve: the share of the pairs of a positive and a
// negative row in which the positive one has the higher score, where a tie counts half.
// It is exact up to the final division. NaN if there are no such pairs; scores
// that are NaN are ties below all others.
func auc(scores, labels []float32) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	compare := func(a, b int) int { return cmp.Compare(scores[a], scores[b]) }
	slices.SortFunc(order, compare)
	var halves, below, positives int // halves: twice the pairs won
	for len(order) > 0 {
		ties, up := 0, 0
		for ; ties < len(order) && compare(order[ties], order[0]) == 0; ties++ {
			up += int(labels[order[ties]])
		}
		down := ties - up
		halves += up * (2*below + down)
		below += down
		positives += up
		order = order[ties:]
	}
	return float64(halves) / float64(2*below*positives)
}
