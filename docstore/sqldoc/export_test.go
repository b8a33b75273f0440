package sqldoc

import "context"

// Migrations lets tests lead a store to versions that are not there yet.
func Migrations() *[][]string { return &migrations }

// Forbid makes the connection of d that writes one that may not, as that to a file that
// may not be written to, which there is none of for root.
func Forbid(ctx context.Context, d *Driver) error {
	d.write.SetMaxOpenConns(1)
	_, err := d.write.ExecContext(ctx, "PRAGMA query_only = 1")
	return err
}
