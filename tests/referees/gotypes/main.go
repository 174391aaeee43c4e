// Prints how Go's JSON encoding treats every field of the built-in kinds: which fields are pointers, which are left out
// when empty, and what their Go types are called. The OpenAPI document does not say it, and the API server's answers
// (empty structs that are printed, decoding errors) depend on it.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"sort"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// Field is one JSON field of a struct. Presence: "p" is left out when nil, "o" when empty, "a" is always printed (Zero then
// says as what). Struct is the Go struct that declares it, which may be an embedded one.
type Field struct {
	Presence string          `json:"p"`
	Type     string          `json:"t"`
	Struct   string          `json:"s"`
	Zero     json.RawMessage `json:"z,omitempty"`
}

var out = map[string]map[string]Field{}

func defName(t reflect.Type) string {
	parts := strings.SplitN(t.PkgPath(), "/", 2)
	host := strings.Split(parts[0], ".")
	for i, j := 0, len(host)-1; i < j; i, j = i+1, j-1 {
		host[i], host[j] = host[j], host[i]
	}
	name := strings.Join(host, ".")
	if len(parts) > 1 {
		name += "." + strings.ReplaceAll(parts[1], "/", ".")
	}
	return name + "." + t.Name()
}

func deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Ptr || t.Kind() == reflect.Slice || t.Kind() == reflect.Map || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	return t
}

func walk(t reflect.Type) {
	t = deref(t)
	if t.Kind() != reflect.Struct {
		return
	}
	name := defName(t)
	if _, seen := out[name]; seen {
		return
	}
	fields := map[string]Field{}
	out[name] = fields
	collect(t, fields)
}

func collect(t reflect.Type, fields map[string]Field) {
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if tag == "-" || (f.PkgPath != "" && !f.Anonymous) {
			continue
		}
		parts := strings.Split(tag, ",")
		if parts[0] == "" {
			if f.Anonymous && deref(f.Type).Kind() == reflect.Struct {
				collect(deref(f.Type), fields)
			}
			continue
		}
		field := Field{Presence: presence(f.Type, parts[1:]), Type: f.Type.String(), Struct: t.Name()}
		if field.Presence == "a" {
			zero, err := json.Marshal(reflect.Zero(f.Type).Interface())
			if err != nil {
				panic(err)
			}
			field.Zero = zero
		}
		fields[parts[0]] = field
		walk(f.Type)
	}
}

func presence(t reflect.Type, options []string) string {
	omitEmpty, omitZero := slices.Contains(options, "omitempty"), slices.Contains(options, "omitzero")
	switch {
	case omitZero:
		return "o"
	case !omitEmpty || t.Kind() == reflect.Struct:
		return "a"
	case t.Kind() == reflect.Ptr:
		return "p"
	default:
		return "o"
	}
}

func main() {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, apiextensions.AddToScheme, apiregistration.AddToScheme} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	kinds := s.AllKnownTypes()
	names := make([]string, 0, len(kinds))
	for gvk := range kinds {
		names = append(names, gvk.String())
	}
	sort.Strings(names)
	for _, t := range kinds {
		walk(t)
	}
	walk(reflect.TypeOf(metav1.ManagedFieldsEntry{}))
	for name, fields := range out {
		if len(fields) == 0 { // it prints itself: a time, a quantity, raw JSON
			delete(out, name)
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	if err := encoder.Encode(out); err != nil {
		panic(err)
	}
}
