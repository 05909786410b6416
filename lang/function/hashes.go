package function

import (
	"crypto/md5" //nolint:gosec // a function of this name is what the site asks for
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // a function of this name is what the site asks for
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/ssh"

	"runner/lang/diag"
)

func (s *scope) hashes() []entry {
	toBase64 := base64.StdEncoding.EncodeToString
	return []entry{
		{
			Doc: Doc{"base64sha256", Hash, "string", "The SHA-256 hash of the text, in base64.", []Example{
				{`base64sha256("hello")`, `"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="`},
			}},
			function: hashText(sha256.New, toBase64),
		},
		{
			Doc: Doc{"base64sha512", Hash, "string", "The SHA-512 hash of the text, in base64.", []Example{
				{`substr(base64sha512("hello"), 0, 8)`, `"m3HSJL1i"`},
			}},
			function: hashText(sha512.New, toBase64),
		},
		{
			Doc: Doc{"bcrypt", Hash, "string[, cost]", "The bcrypt hash of the text with a random salt, the same for every call with this text in a run; the cost is 10 if not given, and 14 at most.", []Example{
				{`startswith(bcrypt("hello", 4), "$2a$04$")`, `true`},
			}},
			function: s.bcrypt(),
		},
		{
			Doc: Doc{"filebase64sha256", Hash, "path", "The SHA-256 hash of the file, in base64.", []Example{
				{`filebase64sha256("hello.txt")`, `"WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="`},
			}},
			function: s.hashFile(sha256.New, toBase64),
		},
		{
			Doc: Doc{"filebase64sha512", Hash, "path", "The SHA-512 hash of the file, in base64.", []Example{
				{`substr(filebase64sha512("hello.txt"), 0, 8)`, `"58IrmUxZ"`},
			}},
			function: s.hashFile(sha512.New, toBase64),
		},
		{
			Doc: Doc{"filemd5", Hash, "path", "The MD5 hash of the file, in hexadecimal digits.", []Example{
				{`filemd5("hello.txt")`, `"b1946ac92492d2347c6235b4d2611184"`},
			}},
			function: s.hashFile(md5.New, hex.EncodeToString),
		},
		{
			Doc: Doc{"filesha1", Hash, "path", "The SHA-1 hash of the file, in hexadecimal digits.", []Example{
				{`filesha1("hello.txt")`, `"f572d396fae9206628714fb2ce00f72e94f2258f"`},
			}},
			function: s.hashFile(sha1.New, hex.EncodeToString),
		},
		{
			Doc: Doc{"filesha256", Hash, "path", "The SHA-256 hash of the file, in hexadecimal digits.", []Example{
				{`substr(filesha256("hello.txt"), 0, 8)`, `"5891b5b5"`},
			}},
			function: s.hashFile(sha256.New, hex.EncodeToString),
		},
		{
			Doc: Doc{"filesha512", Hash, "path", "The SHA-512 hash of the file, in hexadecimal digits.", []Example{
				{`substr(filesha512("hello.txt"), 0, 8)`, `"e7c22b99"`},
			}},
			function: s.hashFile(sha512.New, hex.EncodeToString),
		},
		{
			Doc: Doc{"md5", Hash, "string", "The MD5 hash of the text, in hexadecimal digits. MD5 protects nothing.", []Example{
				{`md5("hello")`, `"5d41402abc4b2a76b9719d911017c592"`},
			}},
			function: hashText(md5.New, hex.EncodeToString),
		},
		{
			Doc: Doc{"rsadecrypt", Hash, "ciphertext, key", "The text that was encrypted, with PKCS #1 v1.5 and then base64, for the private RSA key, which is PEM without a passphrase.", []Example{
				{`can(rsadecrypt("not encrypted", "no key"))`, `false`},
			}},
			function: define(cty.String, rsaDecrypt, text("ciphertext"), text("key")),
		},
		{
			Doc: Doc{"sha1", Hash, "string", "The SHA-1 hash of the text, in hexadecimal digits. SHA-1 protects nothing.", []Example{
				{`sha1("hello")`, `"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"`},
			}},
			function: hashText(sha1.New, hex.EncodeToString),
		},
		{
			Doc: Doc{"sha256", Hash, "string", "The SHA-256 hash of the text, in hexadecimal digits.", []Example{
				{`substr(sha256("hello"), 0, 8)`, `"2cf24dba"`},
			}},
			function: hashText(sha256.New, hex.EncodeToString),
		},
		{
			Doc: Doc{"sha512", Hash, "string", "The SHA-512 hash of the text, in hexadecimal digits.", []Example{
				{`substr(sha512("hello"), 0, 8)`, `"9b71d224"`},
			}},
			function: hashText(sha512.New, hex.EncodeToString),
		},
		{
			Doc: Doc{"uuid", Hash, "", "A random UUID of the run: the same for every call. Make others of it with uuidv5(uuid(), name).", []Example{
				{`length(uuid())`, `36`},
			}},
			function: define(cty.String, func([]cty.Value) (cty.Value, error) {
				return cty.StringVal(s.run.UUID), nil
			}),
		},
		{
			Doc: Doc{"uuidv5", Hash, "namespace, name", `The UUID of a name in a namespace, which is "dns", "url", "oid", "x500" or a UUID: always the same one.`, []Example{
				{`uuidv5("dns", "www.example.net")`, `"ba94b3fc-fb30-517d-8334-9338da3627b1"`},
			}},
			function: define(cty.String, uuidV5, text("namespace"), text("name")),
		},
	}
}

func hashText(algorithm func() hash.Hash, encode func([]byte) string) function.Function {
	return ofText(func(s string) (string, error) {
		h := algorithm()
		if _, err := io.WriteString(h, s); err != nil {
			return "", fmt.Errorf("cannot hash the text: %w", err)
		}
		return encode(h.Sum(nil)), nil
	})
}

// hashFile makes a function that reads a file piece by piece: files of any size can be hashed.
func (s *scope) hashFile(algorithm func() hash.Hash, encode func([]byte) string) function.Function {
	return define(cty.String, func(args []cty.Value) (cty.Value, error) {
		name := args[0].AsString()
		h := algorithm()
		err := s.files.Open(name, func(f io.Reader, _ int64) error {
			_, err := io.Copy(h, f)
			return err
		})
		if err != nil {
			return cty.NilVal, err
		}
		return cty.StringVal(encode(h.Sum(nil))), nil
	}, text("path"))
}

func (s *scope) bcrypt() function.Function {
	cost, hashed := number("cost"), text("string")
	hashed.AllowMarked = true
	return function.New(&function.Spec{
		Params:   []function.Parameter{hashed},
		VarParam: &cost,
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			const mostCost, mostBytes = 14, 72
			cost := bcrypt.DefaultCost
			if len(args) > 2 {
				return cty.NilVal, errors.New("takes one or two arguments")
			}
			if len(args) == 2 {
				var err error
				if cost, err = wholeNumber(args[1], bcrypt.MinCost, mostCost); err != nil {
					return cty.NilVal, function.NewArgError(1, err)
				}
			}
			password, marks := args[0].Unmark()
			if len(password.AsString()) > mostBytes {
				return cty.NilVal, function.NewArgErrorf(0, "bcrypt takes at most %d bytes", mostBytes)
			}
			out, err := s.run.bcrypt(bcryptInput{password.AsString(), cost, len(marks) > 0})
			if err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(out).WithMarks(marks), nil
		},
	})
}

func rsaDecrypt(args []cty.Value) (cty.Value, error) {
	ciphertext, err := decodeBase64(args[0].AsString())
	if err != nil {
		return cty.NilVal, function.NewArgError(0, err)
	}
	raw, err := ssh.ParseRawPrivateKey([]byte(args[1].AsString()))
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		return cty.NilVal, function.NewArgErrorf(1, "the key is protected by a passphrase")
	}
	key, ok := raw.(*rsa.PrivateKey)
	if err != nil || !ok {
		return cty.NilVal, function.NewArgErrorf(1, "must be a private RSA key in PEM form")
	}
	out, err := rsa.DecryptPKCS1v15(nil, key, ciphertext) //nolint:staticcheck // what Terraform's function of this name does
	if err != nil || !utf8.Valid(out) {
		return cty.NilVal, function.NewArgErrorf(0, "cannot be decrypted with this key")
	}
	return cty.StringVal(string(out)), nil
}

func uuidV5(args []cty.Value) (cty.Value, error) {
	var namespace uuid.UUID
	switch name := args[0].AsString(); name {
	case "dns":
		namespace = uuid.NameSpaceDNS
	case "url":
		namespace = uuid.NameSpaceURL
	case "oid":
		namespace = uuid.NameSpaceOID
	case "x500":
		namespace = uuid.NameSpaceX500
	default:
		var err error
		if namespace, err = uuid.Parse(name); err != nil {
			return cty.NilVal, function.NewArgErrorf(0, `must be "dns", "url", "oid", "x500" or a UUID, not %s`, diag.Quote(name))
		}
	}
	return cty.StringVal(uuid.NewSHA1(namespace, []byte(args[1].AsString())).String()), nil
}
