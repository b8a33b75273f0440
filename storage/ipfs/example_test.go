package ipfs_test

import (
	"fmt"
	"strings"

	"github.com/digit-health/dhr/storage/ipfs"
)

// The CID of a file, as ipfs add --cid-version=1 gives it, is known when the file is written.
func ExampleHasher() {
	h := &ipfs.Hasher{}
	if _, err := strings.NewReader("id,name\n1,Asha\n").WriteTo(h); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(h.CID())
	fmt.Println(h.Size())
	// Output:
	// bafkreiaay3itp3uy2a5l36snwjhoos6qycbrujnagr7ptlotfjqwowrs34
	// 15
}
