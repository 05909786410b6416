package programs

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzSkim: an answer that says well whether something has changed says the same to who reads JSON.
func FuzzSkim(f *testing.F) {
	for _, seed := range []string{
		`{"changed": true}`, `{"changed":false,"result":{"changed":true,"error":1}}`, `{"a":"\"changed\":","changed" : true ,"error":null}`,
		`{"error": {"message": "x"}, "changed": true}`, `[{"changed": true}]`, `{"changed": true`, `{"changed": "true"}`, `{"a": "changed": true}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		changed, well := skim(text)
		var read map[string]any
		if json.Unmarshal(text, &read) != nil {
			return // the controller refuses it
		}
		plain := map[string]json.RawMessage{}
		_ = json.Unmarshal(text, &plain)
		says, isBool := read["changed"].(bool)
		if want := isBool && read["error"] == nil; well && !twice(text) && (!want || says != changed) {
			t.Errorf("%q: changed %v, well %v", text, changed, well)
		}
		if simple := bytes.IndexByte(text, '\\') < 0; simple && !well && isBool && read["error"] == nil && !twice(text) {
			t.Errorf("%q is an answer", text)
		}
	})
}

// twice says whether a name may stand twice, or be written in another way: such answers are refused.
func twice(text []byte) bool {
	return bytes.Count(text, []byte(`"changed"`)) > 1 || bytes.Count(text, []byte(`"error"`)) > 1 || bytes.Contains(text, []byte(`\u`)) ||
		!reflect.DeepEqual(bytes.ToValidUTF8(text, nil), text)
}
