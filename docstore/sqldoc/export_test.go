package sqldoc

// Migrations lets tests lead a store to versions that are not there yet.
func Migrations() *[][]string { return &migrations }
