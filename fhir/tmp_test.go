package fhir

import (
	"fmt"
	"os"
	"testing"
)

func TestTmp(t *testing.T) {
	f, _ := os.Create("/tmp/dump.txt")
	for name, ty := range tables().byName {
		for _, e := range ty.elements {
			tn := e.Primitive
			if e.Type != nil {
				tn = e.Type.Name
			}
			fmt.Fprintf(f, "%s.%s|%s|%v|%v|%s|%d\n", name, e.Name, tn, e.List, e.Required, e.Choice, len(e.Codes))
		}
	}
	for n, of := range tables().notes {
		ty := tables().byName[n]
		if ty == nil {
			t.Log("unused", n)
			continue
		}
		for name := range of {
			if name[len(name)-1] != ']' && ty.byName[name] == nil {
				t.Log("unused", n, name)
			}
		}
	}
}
