package record

type (
	fieldState  struct{}
	schemaState struct{}
)

func (s *Schema) flattenedKey(path string) *Field { return nil }

func compareVersions(a, b string) int { return 0 }
