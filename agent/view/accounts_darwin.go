package view

import (
	"errors"
	"os/user"
)

// accountOf asks the system: accounts are in its directory service, not in files.
func accountOf(kind string, by int, value string) (name, id string, err error) {
	var u *user.User
	var g *user.Group
	switch {
	case kind == "user" && by == byName:
		u, err = user.Lookup(value)
	case kind == "user":
		u, err = user.LookupId(value)
	case by == byName:
		g, err = user.LookupGroup(value)
	default:
		g, err = user.LookupGroupId(value)
	}
	var noUser user.UnknownUserError
	var noUserID user.UnknownUserIdError
	var noGroup user.UnknownGroupError
	var noGroupID user.UnknownGroupIdError
	switch {
	case errors.As(err, &noUser), errors.As(err, &noUserID), errors.As(err, &noGroup), errors.As(err, &noGroupID):
		return "", "", errNoAccount
	case err != nil:
		return "", "", err
	case kind == "user":
		return u.Username, u.Uid, nil
	}
	return g.Name, g.Gid, nil
}
