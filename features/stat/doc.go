// Package stat holds the exact, mergeable statistics that fitting learns from.
//
// Nothing here rounds while it learns: sums are integers, counts are integers,
// quantiles are order statistics. The fitted number is rounded once, when it is
// read (Mean, Variance, Quantile ...), and is the correctly rounded value of its
// mathematical definition over the multiset of rows.
package stat
