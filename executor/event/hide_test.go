package event

import (
	"reflect"
	"testing"

	"runner/planner/plan"
)

func TestG36Hide(t *testing.T) {
	place := plan.Place{Line: 1}
	failure := Failure{Message: "cannot set s3cret", Hint: "Not s3cret.", Quote: "s3cret it was", Place: place}
	secret := plan.Instance{Args: map[string]any{"a": "s3cret", "b": "set"}, Secrets: []string{"a", "b"}}
	for _, c := range []struct {
		name   string
		hidden plan.Hidden
		want   Failure
	}{
		{"a task", plan.Hidden{All: true}, Failure{Message: Hidden, Place: place}},
		{"errors", plan.Hidden{Errors: true}, Failure{Message: Hidden, Place: place}},
		{"what is quoted", plan.Hidden{Quote: true}, Failure{Message: "cannot set (sensitive)", Hint: "Not (sensitive).", Quote: Hidden, Place: place}},
		{"the argument alone", plan.Hidden{}, Failure{Message: "cannot set (sensitive)", Hint: "Not (sensitive).", Quote: "(sensitive) it was", Place: place}},
	} {
		f := failure
		secret.Hidden = c.hidden
		if got := f.Hide(secret); !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: %+v", c.name, *got)
		}
		if !reflect.DeepEqual(f, failure) {
			t.Errorf("%s: the failure itself has changed", c.name)
		}
	}
	if got := failure.Hide(plan.Instance{}); got != &failure {
		t.Errorf("nothing is sensitive: %+v", got)
	}
}
