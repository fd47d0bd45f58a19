// Package features holds the operators: the verbs of a recipe, one file each.
//
// An operator is a plain struct of options. Bound to the types of its inputs it
// says what it wants to learn (statistics over registers), takes what was learnt,
// and lowers itself to program instructions. Back ends implement instructions and
// statistics, never operators; so an operator in the catalogue has every back
// end, shards, online serving, saving and the whole check suite at once.
package features
