// Prints what Go's golang.org/x/mod/sumdb/{tlog,note} make of a few trees, proofs and notes, as JSON.
// The tests compare it with test/vector/tlog-go.json, and that with what mcprec makes of the same.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type inclusion struct {
	Size  int64    `json:"size"`
	Index int64    `json:"index"`
	Path  []string `json:"path"`
}

type consistency struct {
	Old  int64    `json:"old"`
	Size int64    `json:"size"`
	Path []string `json:"path"`
}

type output struct {
	Roots       []string      `json:"roots"`
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
	Tiles       []string      `json:"tiles"`
	Seed        string        `json:"seed"`
	Verifier    string        `json:"verifier"`
	Checkpoint  string        `json:"checkpoint"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type storage []tlog.Hash

func (s storage) ReadHashes(at []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(at))
	for i, n := range at {
		found[i] = s[n]
	}
	return found, nil
}

func hexes(list []tlog.Hash) []string {
	out := []string{}
	for _, h := range list {
		out = append(out, hex.EncodeToString(h[:]))
	}
	return out
}

func main() {
	const size = 70
	var out output
	var stored storage
	for i := int64(0); i < size; i++ {
		hashes, err := tlog.StoredHashes(i, []byte(fmt.Sprintf("leaf %d", i)), stored)
		check(err)
		stored = append(stored, hashes...)
		root, err := tlog.TreeHash(i+1, stored)
		check(err)
		out.Roots = append(out.Roots, hex.EncodeToString(root[:]))
	}
	for _, n := range []int64{1, 2, 3, 7, 8, 33, 64, 70} {
		for index := int64(0); index < n; index += 1 + n/5 {
			path, err := tlog.ProveRecord(n, index, stored)
			check(err)
			out.Inclusion = append(out.Inclusion, inclusion{n, index, hexes(path)})
		}
		for old := int64(1); old <= n; old += 1 + n/5 {
			path, err := tlog.ProveTree(n, old, stored)
			check(err)
			out.Consistency = append(out.Consistency, consistency{old, n, hexes(path)})
		}
	}
	for _, at := range []tlog.Tile{{H: 8, L: 0, N: 0, W: 256}, {H: 8, L: 1, N: 1234067, W: 17}, {H: 8, L: 0, N: 1000, W: 1}} {
		out.Tiles = append(out.Tiles, at.Path())
	}
	seed := sha256.Sum256([]byte("mcprec go oracle"))
	out.Seed = hex.EncodeToString(seed[:])
	key := ed25519.NewKeyFromSeed(seed[:])
	public := key.Public().(ed25519.PublicKey)
	verifier, err := note.NewEd25519VerifierKey("mcprec.example.com", public)
	check(err)
	out.Verifier = verifier
	id := sha256.Sum256(append([]byte("mcprec.example.com\n\x01"), public...))
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+mcprec.example.com+%08x+%s", binary.BigEndian.Uint32(id[:4]),
		base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))))
	check(err)
	root, err := tlog.TreeHash(size, stored)
	check(err)
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("mcprec.example.com\n%d\n%s\n", size, root)}, signer)
	check(err)
	out.Checkpoint = string(signed)
	// A note made by mcprec, where one is given, must open here.
	if len(os.Args) > 1 {
		known, err := note.NewVerifier(os.Args[2])
		check(err)
		_, err = note.Open([]byte(os.Args[1]), note.VerifierList(known))
		check(err)
	}
	encoded, err := json.MarshalIndent(out, "", " ")
	check(err)
	fmt.Println(string(encoded))
}
