package fhir

// KeptByInvariant returns the elements of a type that a subset keeps for the sake of a rule.
func KeptByInvariant(typ string) []string { return byInvariant[typ] }
