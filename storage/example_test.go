package storage_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

// A file goes to disk, a part of it comes back, and it is removed.
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "exports")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()

	backend, err := disk.Open(folder, &disk.Options{Quota: 1 << 30})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = backend.Close() }()
	files, err := storage.New(backend)
	if err != nil {
		fmt.Println(err)
		return
	}

	file := strings.NewReader("id,name\n1,Asha\n2,Ravi\n")
	ref, err := files.Put(ctx, "patients.csv", file, &storage.PutOptions{Tenant: "pb.amritsar", ContentType: "text/csv"})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := files.Open(ctx, ref, 8, 6)
	if err != nil {
		fmt.Println(err)
		return
	}
	part, err := io.ReadAll(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %q\n", ref.Scheme(), part)

	if err := files.Delete(ctx, ref); err != nil {
		fmt.Println(err)
		return
	}
	_, err = files.Stat(ctx, ref)
	fmt.Println(storage.Class(err))
	// Output:
	// disk: "1,Asha"
	// NOT_FOUND
}
