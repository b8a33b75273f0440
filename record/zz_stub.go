package record
func (s *Schema) Nearest(string) string { return "" }
func (f *Field) Parse(string) (Value, error) { return Value{}, nil }
func (f *Field) DateOnly() bool { return false }
