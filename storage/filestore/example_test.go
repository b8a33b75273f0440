package filestore_test

import (
	"fmt"

	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/filestore"
)

// Filestore of DIGIT 2 through the gateway: a system user's token, and NDJSON as txt, which its list has.
func ExampleNew() {
	backend, err := filestore.New("https://digit.example.org/filestore", &filestore.Options{
		Module:     "reports",
		Extensions: map[string]string{"ndjson": "txt"},
		Token: &filestore.Token{
			URL: "https://digit.example.org/user/oauth/token", ClientID: "egov-user-client",
			Username: "DHR", Password: "from a secret's file", Scope: "read",
			Fields: map[string]string{"tenantId": "pb", "userType": "SYSTEM"},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	files, err := storage.New(backend)
	if err != nil {
		fmt.Println(err)
		return
	}
	largest, err := files.MaxBytes("filestore")
	fmt.Println(largest, err)
	// Output: 5242880 <nil>
}
