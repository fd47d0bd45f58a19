package model

import (
	"encoding/json"
	"fmt"

	"quern/features/column"
	"quern/features/program"
)

// Version is the version of the model file that this package writes and reads.
const Version = 1

// document is model.json.
type document struct {
	Format   int               `json:"format"`
	Name     string            `json:"name"`
	Digest   string            `json:"digest"`
	Columns  []field           `json:"columns"`
	Features []field           `json:"features"`
	Key      []string          `json:"key,omitempty"`
	Time     string            `json:"time,omitempty"`
	Learnt   []Step            `json:"learnt"`
	Seen     Seen              `json:"seen"`
	Recipe   string            `json:"recipe"`
	Programs map[string]string `json:"programs"`
	Tables   []string          `json:"tables"`
	Golden   goldenDocument    `json:"golden"`
}

type field struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Ids  int64  `json:"ids,omitempty"` // how many ids the feature can have
}

// goldenDocument holds the golden rows by column, as formatColumn writes values.
type goldenDocument struct {
	Rows   [][]json.RawMessage `json:"rows"`
	Digest string              `json:"digest"`
}

// document returns the model as it is written.
func (m *Model) document(tables []program.Table) ([]byte, error) {
	d := document{Format: Version, Name: m.Name, Digest: m.Digest(), Key: m.Key, Time: m.Time, Learnt: m.Learnt, Seen: m.Seen,
		Recipe: string(m.Recipe), Programs: map[string]string{}, Golden: goldenDocument{Digest: m.Golden.Digest}}
	for _, f := range m.Schema {
		d.Columns = append(d.Columns, field{Name: f.Name, Type: f.Type.String()})
	}
	for i, f := range m.Serving.Fields() {
		d.Features = append(d.Features, field{f.Name, f.Type.String(), m.Sizes[i]})
	}
	for _, p := range m.programs() {
		if *p.program != nil {
			d.Programs[p.name] = (*p.program).Text()
		}
	}
	for _, t := range tables {
		d.Tables = append(d.Tables, t.Name)
	}
	for i := range m.Golden.Rows {
		d.Golden.Rows = append(d.Golden.Rows, formatColumn(&m.Golden.Rows[i]))
	}
	text, err := json.MarshalIndent(d, "", " ")
	return append(text, '\n'), err
}

// parser is program.Parse or program.ParseVouched.
type parser func(text string, tables ...program.Table) (*program.Program, error)

// parse fills m from its document and tables; programs are verified.
func (m *Model) parse(text []byte, tables []program.Table, parse parser) (d document, err error) {
	if err := json.Unmarshal(text, &d); err != nil {
		return d, err
	}
	if d.Format != Version {
		return d, fmt.Errorf("the model has format %d, this quern reads %d", d.Format, Version)
	}
	if len(d.Tables) != len(tables) {
		return d, fmt.Errorf("%d tables where the model names %d", len(tables), len(d.Tables))
	}
	for i := range tables {
		tables[i].Name = d.Tables[i]
	}
	m.Name, m.Key, m.Time, m.Learnt, m.Seen, m.Recipe = d.Name, d.Key, d.Time, d.Learnt, d.Seen, []byte(d.Recipe)
	for _, f := range d.Columns {
		t, ok := column.ParseType(f.Type)
		if !ok {
			return d, fmt.Errorf("column %q has the unknown type %q", f.Name, f.Type)
		}
		m.Schema = append(m.Schema, column.Field{Name: f.Name, Type: t})
	}
	for _, f := range d.Features {
		m.Sizes = append(m.Sizes, f.Ids)
	}
	for _, p := range m.programs() {
		text, ok := d.Programs[p.name]
		if !ok {
			continue
		}
		if *p.program, err = parse(text, tables...); err != nil {
			return d, fmt.Errorf("program %s: %w", p.name, err)
		}
		if err := program.Verify(*p.program); err != nil {
			return d, fmt.Errorf("program %s: %w", p.name, err)
		}
	}
	if m.Serving == nil || m.Training == nil || len(m.Serving.Outputs) != len(m.Sizes) {
		return d, fmt.Errorf("the programs are not those of a model")
	}
	return d, m.parseGolden(d.Golden)
}

func (m *Model) parseGolden(g goldenDocument) error {
	if len(g.Rows) != len(m.Schema) {
		return fmt.Errorf("golden rows of %d columns for %d", len(g.Rows), len(m.Schema))
	}
	m.Golden.Digest = g.Digest
	for i, values := range g.Rows {
		c, err := parseColumn(m.Schema[i].Type, values)
		if err != nil || c.Len != goldenRows {
			return fmt.Errorf("golden rows of column %q are damaged", m.Schema[i].Name)
		}
		m.Golden.Rows = append(m.Golden.Rows, c)
	}
	return nil
}
