// Package ipfs keeps files on IPFS: on a node with Kubo's RPC, and on as many pinning services as there shall be copies.
//
//	backend, err := ipfs.New("http://127.0.0.1:5001", &ipfs.Options{Gateway: "https://files.example.org"})
//	files, err := storage.New(backend)
//
// [NewPinata] stores in an account of Pinata instead, without a node of one's own.
//
// Any endpoint that speaks Kubo's RPC will do, with basic or bearer authentication: that is also what hosted services spoke.
//
// # Content addresses
//
// A reference is the content's address, such as "ipfs:bafybei…": equal files have one reference, and one
// pin. Who deletes a file counts first who else keeps it; this package does not count. The
// address is computed while the file is written (see [Hasher]), and Put fails if the node comes to another.
//
// # What is public
//
// Whoever knows an address can have the file, from any node that has it, and a file that others
// fetched cannot be taken back. This package sends what it is given: who stores records of patients seals them before.
//
// # Promises
//
// A file is sent as a stream and never held in memory. When Put returns, the node has pinned it, and each pinning service has.
// When Put fails nothing is pinned that was not before, and blocks that the node received go with its next garbage collection. Open and Stat know only
// what the node itself has pinned, and never fetch from the network. Delete unpins: after that, the file cannot be had here
// any more, and the node's garbage collection frees its room.
package ipfs
