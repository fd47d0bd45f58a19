package parquet

import "fmt"

// shape finds the values of c in the tree of its elements, and whether they are
// those of lists. It returns the leaf that describes them, or why there is none.
//
// Lists have been written in several ways (the format's "LogicalTypes", Lists):
//
//	optional group c (LIST) { repeated group list { optional int32 element } }  the standard
//	optional group c (LIST) { repeated group bag { optional int32 item } }      the same by other names
//	optional group c (LIST) { repeated int32 element }                          of two levels
//	repeated int32 c                                                            of one: never null
//
// In the last two no element is null.
func (c *fileColumn) shape(tree []element) (value *element, reason string) {
	top := &tree[0]
	switch {
	case top.repetition == repeated && top.physical >= 0:
		c.list = true
		return top, ""
	case top.repetition == repeated:
		return nil, listOf(groupName(top))
	case top.physical >= 0:
		return top, ""
	case groupName(top) != "list":
		return nil, fmt.Sprintf("it is a %s; quern reads flat columns and lists only: flatten it before", groupName(top))
	}
	c.list, c.nullable = true, top.repetition == optional
	return listElement(tree)
}

// listElement finds what describes the elements of a column that is annotated as a
// list. A repeated group stands for an element itself, and so for a struct or a list,
// if it has several fields, a repeated one, or a name that old writers gave to such.
func listElement(tree []element) (value *element, reason string) {
	top := &tree[0]
	switch {
	case top.repetition != required && top.repetition != optional:
		return nil, "the file does not say whether it may be null"
	case top.children != 1 || tree[1].repetition != repeated:
		return nil, "it is annotated as a list, and has no repeated field alone as a list has"
	}
	middle := &tree[1]
	switch {
	case middle.physical >= 0:
		return middle, ""
	case middle.children != 1 || groupName(middle) != "struct":
		return nil, listOf(groupName(middle))
	case tree[2].repetition == repeated:
		return nil, listOf("list")
	case middle.name == "array" || middle.name == top.name+"_tuple":
		return nil, listOf("struct")
	case tree[2].physical < 0:
		return nil, listOf(groupName(&tree[2]))
	}
	return &tree[2], ""
}

// listOf is the reason why lists of what is called so are unusable.
func listOf(what string) string {
	return fmt.Sprintf("it is a list of %ss; quern reads lists of scalars only: flatten it before", what)
}

// groupName names a group.
func groupName(e *element) string {
	switch {
	case e.logical.id == 2 || e.converted == 1 || e.converted == 2:
		return "map"
	case e.logical.id == 3 || e.converted == 3:
		return "list"
	case e.logical.id == 16:
		return "variant"
	}
	return "struct"
}
