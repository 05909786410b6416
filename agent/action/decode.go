package action

import (
	"fmt"

	"runner/agent/schema"
	"runner/agent/wire"
)

// Decode makes an action of a call's arguments, a CBOR map, after it has checked them: the controller has done so for
// what was known when it planned. It returns the arguments too. In a preview those named in unknown may be missing. The
// error is a *wire.Problem.
func (d Definition) Decode(args []byte, unknown []string) (Action, map[string]any, error) {
	values := map[string]any{}
	if len(args) > 0 {
		if err := wire.Unmarshal(args, &values); err != nil {
			return nil, nil, d.refuse("", err.Error())
		}
	}
	for _, name := range unknown {
		values[name] = schema.Unknown{}
	}
	for _, a := range d.Arguments {
		if a.Required && values[a.Name] == nil {
			return nil, nil, d.refuse(a.Name, "is required")
		}
	}
	if d.Check != nil {
		if err := d.Check(values); err != nil {
			return nil, nil, d.refuse("", schema.Problems(err)[0].Error())
		}
	}
	a := d.New()
	if len(args) > 0 {
		if err := wire.Unmarshal(args, a); err != nil {
			return nil, nil, d.refuse("", err.Error())
		}
	}
	return a, values, nil
}

func (d Definition) refuse(argument, why string) *wire.Problem {
	if argument != "" {
		why = argument + " " + why
	}
	return &wire.Problem{Code: wire.CodeArguments, Message: fmt.Sprintf("cannot take the arguments of %s: %s", d.Name, why)}
}

// data is an argument that is text or bytes. Nil means that it was not given.
type data []byte

// UnmarshalCBOR takes both, where the decoder by itself tells text from bytes.
func (d *data) UnmarshalCBOR(encoded []byte) error {
	var v any
	if err := wire.Unmarshal(encoded, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		*d = nil
	case string:
		*d = append(data{}, v...)
	case []byte:
		*d = append(data{}, v...)
	default:
		return fmt.Errorf("%T is neither text nor bytes", v)
	}
	return nil
}
