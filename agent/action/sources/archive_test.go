package sources

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"path"
	"strings"
	"testing"

	"runner/agent/disk"
)

// FuzzArchive: whatever an archive holds, what is listed of it stays below the directory. Links are followed as the system would.
func FuzzArchive(f *testing.F) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, h := range []tar.Header{
		{Name: "a/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "a/l", Typeflag: tar.TypeSymlink, Linkname: "../b"},
		{Name: strings.Repeat("n", 200), Mode: 0o644, Format: tar.FormatPAX},
		{Name: strings.Repeat("m", 200), Mode: 0o644, Format: tar.FormatGNU},
		{Name: "b", Mode: 0o600},
		{Name: "h", Typeflag: tar.TypeLink, Linkname: "b"},
	} {
		_ = w.WriteHeader(&h)
	}
	_ = w.Close()
	f.Add(packed.Bytes())
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(packed.Bytes())
	_ = z.Close()
	f.Add(zipped.Bytes())
	var entries bytes.Buffer
	e := zip.NewWriter(&entries)
	file, _ := e.Create("a/b")
	_, _ = file.Write([]byte("content"))
	link := &zip.FileHeader{Name: "l"}
	link.SetMode(1<<27 | 0o777)
	file, _ = e.CreateHeader(link)
	_, _ = file.Write([]byte("a/b"))
	_ = e.Close()
	f.Add(entries.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		a := &archive{ReaderAt: bytes.NewReader(data), size: int64(len(data))}
		if bytes.HasPrefix(data, []byte("BZh")) || bytes.HasPrefix(data, []byte("\xfd7z")) || bytes.HasPrefix(data, []byte("\x28\xb5")) {
			return // other programs read these
		}
		if a.recognise(t.Context(), nil) != nil {
			return
		}
		list, err := a.list(t.Context(), &selection{}, 1<<24)
		if err != nil {
			return
		}
		at := map[string]*entry{}
		for _, e := range list {
			at[e.name] = e
		}
		for _, e := range list {
			if path.Join("/x", e.name) != "/x/"+e.name || e.name == "." || e.perm&^0o777 != 0 {
				t.Errorf("%q", e.name)
			}
			if dir := path.Dir(e.name); dir != "." && (at[dir] == nil || at[dir].kind != disk.Directory) {
				t.Errorf("%q lies in nothing", e.name)
			}
			if e.kind == disk.Link {
				followed(t, at, path.Dir(e.name), e.link, 0)
			}
		}
	})
}

// followed goes where a link leads, as far as the archive's entries tell, and fails where that is above the directory.
func followed(t *testing.T, at map[string]*entry, from, link string, links int) string {
	if links > 40 {
		return from
	}
	if strings.HasPrefix(link, "/") {
		t.Errorf("%q is absolute", link)
	}
	for part := range strings.SplitSeq(link, "/") {
		switch part {
		case "", ".":
			continue
		case "..":
			if from == "." {
				t.Errorf("%q leads out", link)
			}
			from = path.Dir(from)
			continue
		}
		next := path.Join(from, part)
		if e := at[next]; e != nil && e.kind == disk.Link {
			next = followed(t, at, from, e.link, links+1)
		}
		from = next
	}
	return from
}
