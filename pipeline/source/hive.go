package source

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"quern/features/column"
	"quern/features/diag"
)

// Key is one key=value folder of a hive-partitioned table.
type Key struct {
	Name  string
	Value string // percent-decoded
	Null  bool   // the folder was key=__HIVE_DEFAULT_PARTITION__
}

// KeyColumn is a column that the folders' names give: Values has one slot per file,
// null where a file has no such key.
type KeyColumn struct {
	Name   string
	Values column.Vector // Int64, Date or String
}

// ParseKeys returns the key=value folders in a slash-separated file name. A key
// that comes twice is an error (Q210).
func ParseKeys(name string) ([]Key, error) {
	folders := strings.Split(name, "/")
	var keys []Key
	for _, folder := range folders[:len(folders)-1] {
		key, value, ok := strings.Cut(folder, "=")
		if !ok || key == "" {
			continue
		}
		key, value = unescape(key), unescape(value)
		if slices.ContainsFunc(keys, func(k Key) bool { return k.Name == key }) {
			return nil, diag.New("Q210", "the folders above the file give the key %q twice", key).
				In(diag.Data{File: name, RowGroup: -1, Row: -1})
		}
		null := value == "__HIVE_DEFAULT_PARTITION__"
		keys = append(keys, Key{Name: key, Value: value, Null: null})
	}
	return keys, nil
}

// unescape decodes %2F and the like; a text that is not well escaped stays as it is.
func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// KeyColumns types the files' keys, in order of first appearance: a key whose
// values are all integers is an Int64 column (month=03 is 3), all days as
// 2006-01-02 a Date column, anything else a String column.
func KeyColumns(files []File) []KeyColumn {
	var names []string
	for _, f := range files {
		for _, k := range f.Keys {
			if !slices.Contains(names, k.Name) {
				names = append(names, k.Name)
			}
		}
	}
	columns := make([]KeyColumn, len(names))
	for i, name := range names {
		columns[i] = KeyColumn{Name: name, Values: keyValues(files, name)}
	}
	return columns
}

// keyValues returns the values of one key, a slot per file, as the narrowest type.
func keyValues(files []File, name string) column.Vector {
	keys := make([]Key, len(files))
	for i, f := range files {
		keys[i] = Key{Null: true}
		if at := slices.IndexFunc(f.Keys, func(k Key) bool { return k.Name == name }); at >= 0 {
			keys[i] = f.Keys[at]
		}
	}
	v := column.Vector{Len: len(keys), Valid: column.NewBitmap(len(keys))}
	for i, k := range keys {
		if !k.Null {
			v.Valid.Set(i)
		}
	}
	if v.Int64s = keyInts(keys); v.Int64s != nil {
		v.Type = column.Int64
	} else if v.Int32s = keyDays(keys); v.Int32s != nil {
		v.Type = column.Date
	} else {
		v.Type = column.String
		for _, k := range keys {
			v.Text.Append([]byte(k.Value))
		}
	}
	return v
}

// keyInts returns the keys as integers, or nil if one is not (or all are null).
func keyInts(keys []Key) []int64 {
	ints, some := make([]int64, len(keys)), false
	for i, k := range keys {
		if k.Null {
			continue
		}
		n, err := strconv.ParseInt(k.Value, 10, 64)
		if err != nil || strings.HasPrefix(k.Value, "+") {
			return nil
		}
		ints[i], some = n, true
	}
	if !some {
		return nil
	}
	return ints
}

// keyDays returns the keys as days since 1970-01-01, or nil if one is not a day.
func keyDays(keys []Key) []int32 {
	days, some := make([]int32, len(keys)), false
	for i, k := range keys {
		if k.Null {
			continue
		}
		t, err := time.Parse(time.DateOnly, k.Value)
		if err != nil {
			return nil
		}
		days[i], some = int32(t.Unix()/86400), true // midnight: the division is exact
	}
	if !some {
		return nil
	}
	return days
}
