package httpx

import (
	"encoding/json"
	"slices"

	"github.com/skein-go/skein/threads"
)

// draftMembers is what POST /v1/threads takes.
var draftMembers = []string{"organization_id", "title", "metadata", "assistant_id", "visible_in_ui"}

// decodeDraft reads the body of POST /v1/threads. null is the same as leaving
// a member out, as it is in the thread that comes back.
func decodeDraft(body []byte) (threads.Draft, error) {
	list, err := decodeObject(body)
	if err != nil {
		return threads.Draft{}, err
	}
	var d threads.Draft
	for _, m := range list {
		if string(m.value) == "null" && slices.Contains(draftMembers, m.name) {
			continue
		}
		switch m.name {
		case "organization_id":
			if d.Organization, err = decodeString(m); err == nil {
				err = threads.ValidateOrganizationID(d.Organization) // "" is no personal thread here but a mistake
			}
		case "title":
			d.Title, err = decodeString(m)
		case "metadata":
			d.Metadata, err = decodeMetadata(m)
		case "assistant_id":
			if d.Assistant, err = decodeString(m); err == nil && d.Assistant == "" {
				err = invalid(m.name, "Must not be empty; null means none", "")
			}
		case "visible_in_ui":
			var visible bool
			visible, err = decodeBool(m)
			d.Hidden = !visible
		default:
			err = malformed("member", m.name, "Unknown member. %s", knownNames(draftMembers))
		}
		if err != nil {
			return threads.Draft{}, err
		}
	}
	return d, nil
}

// patchMembers is what PATCH /v1/threads/{id} takes.
var patchMembers = []string{"title", "metadata", "assistant_id", "visible_in_ui"}

// decodePatch reads the body of PATCH /v1/threads/{id}: what is left out stays,
// null clears, and metadata is merged, pair by pair.
func decodePatch(body []byte) (p threads.Patch, err error) {
	list, err := decodeObject(body)
	if err != nil {
		return p, err
	}
	for _, m := range list {
		null := string(m.value) == "null"
		switch m.name {
		case "title":
			p.Title, err = decodeClearable(m)
		case "metadata":
			if p.ClearMetadata = null; !null {
				p.Metadata, err = decodeMerge(m)
			}
		case "assistant_id":
			p.Assistant, err = decodeClearable(m)
			if err == nil && !null && *p.Assistant == "" {
				err = invalid(m.name, "Must not be empty; null means none", "")
			}
		case "visible_in_ui":
			visible := true
			if !null {
				visible, err = decodeBool(m)
			}
			hidden := !visible
			p.Hidden = &hidden
		case "organization_id":
			err = malformed("member", m.name, "A thread stays in its organization. %s", knownNames(patchMembers))
		default:
			err = malformed("member", m.name, "Unknown member. %s", knownNames(patchMembers))
		}
		if err != nil {
			return threads.Patch{}, err
		}
	}
	return p, nil
}

// decodeClearable reads a text, or null as the empty one.
func decodeClearable(m member) (*string, error) {
	var s string
	var err error
	if string(m.value) != "null" {
		s, err = decodeString(m)
	}
	return &s, err
}

// decodeMerge reads pairs to be set, and null for those to be removed.
func decodeMerge(m member) (map[string]*string, error) {
	if !isObject(m.value) {
		return nil, invalid(m.name, "Must be an object or null", string(m.value))
	}
	pairs, err := members(m.value)
	if err != nil {
		return nil, err
	}
	merge := map[string]*string{}
	for _, pair := range pairs {
		if string(pair.value) == "null" {
			merge[pair.name] = nil
			continue
		}
		s, err := decodeString(pair)
		if err != nil {
			return nil, invalid(m.name, "Must have strings as values, or null for pairs to be removed", string(pair.value))
		}
		merge[pair.name] = &s
	}
	return merge, nil
}

func decodeString(m member) (s string, err error) {
	if m.value[0] != '"' || json.Unmarshal(m.value, &s) != nil {
		return "", invalid(m.name, "Must be a string or null", string(m.value))
	}
	return s, nil
}

func decodeBool(m member) (bool, error) {
	switch string(m.value) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, invalid(m.name, "Must be true, false or null", string(m.value))
}

func decodeMetadata(m member) (map[string]string, error) {
	if !isObject(m.value) {
		return nil, invalid(m.name, "Must be an object or null", string(m.value))
	}
	pairs, err := members(m.value)
	if err != nil {
		return nil, err
	}
	metadata := map[string]string{}
	for _, pair := range pairs {
		var s string
		if pair.value[0] != '"' || json.Unmarshal(pair.value, &s) != nil {
			return nil, invalid(m.name, "Must have strings as values", string(pair.value))
		}
		metadata[pair.name] = s
	}
	return metadata, nil
}
