package action

import (
	"fmt"

	"runner/agent/wire"
)

// Decode makes an action of a call's arguments, a CBOR map, which the controller has checked. It returns the arguments too.
// In a preview those that only the run will give are missing. The error is a *wire.Problem.
func (d Definition) Decode(args []byte) (Action, map[string]any, error) {
	values := map[string]any{}
	a := d.New()
	if len(args) == 0 {
		return a, values, nil
	}
	if err := wire.Unmarshal(args, &values); err != nil {
		return nil, nil, d.refuse(err)
	}
	if err := wire.Unmarshal(args, a); err != nil {
		return nil, nil, d.refuse(err)
	}
	return a, values, nil
}

func (d Definition) refuse(err error) *wire.Problem {
	return &wire.Problem{Code: wire.CodeArguments, Message: fmt.Sprintf("cannot take the arguments of %s: %v", d.Name, err)}
}

// Data is an argument that is text or bytes. Nil means that it was not given.
type Data []byte

// UnmarshalCBOR takes both, where the decoder by itself tells text from bytes.
func (d *Data) UnmarshalCBOR(encoded []byte) error {
	var v any
	if err := wire.Unmarshal(encoded, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		*d = nil
	case string:
		*d = append(Data{}, v...)
	case []byte:
		*d = append(Data{}, v...)
	default:
		return fmt.Errorf("%T is neither text nor bytes", v)
	}
	return nil
}
