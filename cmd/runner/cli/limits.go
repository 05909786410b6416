package cli

import (
	"github.com/hashicorp/hcl/v2"

	"runner/cmd/runner/cli/reach"
	"runner/lang/diag"
	"runner/planner/plan"
)

// fits says whether all connections of a plan can be open at once, as they are while somebody looks at a plan before it is
// carried out. It has said so if not.
func (s *session) fits(p *plan.Plan) bool {
	most, all := reach.Most(p), reach.Roots(p)
	if all <= most {
		return true
	}
	s.diagnose(hcl.Diagnostics{diag.Errorf(diag.Resources, hcl.Range{}, "Too few files may be open",
		"The plan has %d connections from this machine, which stay open from looking to acting, and the limit of open files is enough for %d. Raise it (ulimit -n %d), "+
			"look at fewer hosts with --limit, or apply with --auto-approve.", all, most, reach.Files(all))})
	return false
}
