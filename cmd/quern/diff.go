package main

import (
	"fmt"
	"slices"

	"quern/cmd/quern/phrase"
	"quern/cmd/quern/table"
	"quern/features/program"
	"quern/pipeline/model"
)

// shownKeys is how many keys of a table a comparison shows.
const shownKeys = 10

// compareModels lists what the second of two models has learnt differently.
func compareModels(a, b *model.Model) []string {
	var lines []string
	was, is := describeModel(a), describeModel(b)
	for _, l := range was {
		if !slices.Contains(is, l) {
			lines = append(lines, "- "+l)
		}
	}
	for _, l := range is {
		if !slices.Contains(was, l) {
			lines = append(lines, "+ "+l)
		}
	}
	for _, name := range []string{"where", "taken", "serving", "training", "extra"} {
		if a.ProgramText(name) != b.ProgramText(name) {
			lines = append(lines, "program "+name+" differs")
		}
	}
	olds, news := a.Tables(), b.Tables()
	for _, t := range olds {
		lines = append(lines, compareTables(t, tableNamed(news, t.Name))...)
	}
	for _, t := range news {
		if tableNamed(olds, t.Name).Name == "" {
			lines = append(lines, compareTables(program.Table{}, t)...)
		}
	}
	return lines
}

// tableNamed finds a table; the zero Table is none.
func tableNamed(tables []program.Table, name string) program.Table {
	for _, t := range tables {
		if t.Name == name {
			return t
		}
	}
	return program.Table{}
}

// compareTables lists the keys that came, went, or have another value: how many, and
// the first of them in the tables' order. Nothing is listed of equal tables.
func compareTables(was, is program.Table) []string {
	name := is.Name
	if name == "" {
		name = was.Name
	}
	had, has := slotsOf(was), slotsOf(is)
	var lines []string
	removed, added, changed := 0, 0, 0
	note := func(format string, args ...any) {
		if len(lines) < shownKeys {
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	for i := range was.Keys.Len {
		j, ok := has[keyOf(was, i)]
		switch {
		case !ok:
			removed++
			note("  - %s = %s", keyText(was, i), valueText(was, i))
		case valueText(was, i) != valueText(is, j):
			changed++
			note("  ~ %s = %s, was %s", keyText(is, j), valueText(is, j), valueText(was, i))
		}
	}
	for j := range is.Keys.Len {
		if _, ok := had[keyOf(is, j)]; !ok {
			added++
			note("  + %s = %s", keyText(is, j), valueText(is, j))
		}
	}
	differ := removed + added + changed
	if differ == 0 {
		return nil
	}
	if more := differ - len(lines); more > 0 {
		lines = append(lines, "  and "+phrase.Thousands(more)+" more")
	}
	head := fmt.Sprintf("table %s: %s added, %s removed, %s changed", name, phrase.Counted(added, "key"),
		phrase.Thousands(removed), phrase.Counted(changed, "value"))
	return append([]string{head}, lines...)
}

// slotsOf returns where each key of a table stands.
func slotsOf(t program.Table) map[string]int {
	slots := make(map[string]int, t.Keys.Len)
	for i := range t.Keys.Len {
		slots[keyOf(t, i)] = i
	}
	return slots
}

// keyOf identifies a key among those of all types.
func keyOf(t program.Table, slot int) string {
	kind := []byte{byte(t.Keys.Type)}
	if t.Keys.Null(slot) {
		return string(kind)
	}
	return "=" + string(program.AppendCanonical(kind, t.Keys.Type, program.ValueAt(&t.Keys, slot)))
}

func keyText(t program.Table, slot int) string {
	return table.CellText(t.Keys.Type, program.ValueAt(&t.Keys, slot))
}

// valueText writes a value so that equal texts are equal values.
func valueText(t program.Table, slot int) string {
	return table.CellText(t.Values.Type, program.ValueAt(&t.Values, slot))
}
