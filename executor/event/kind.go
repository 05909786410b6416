package event

// Kind names the event's type.
func (Version) Kind() Kind { return KindVersion }

// Kind names the event's type.
func (Diagnostic) Kind() Kind { return KindDiagnostic }

// Kind names the event's type.
func (RunStart) Kind() Kind { return KindRunStart }

// Kind names the event's type.
func (Outline) Kind() Kind { return KindOutline }

// Kind names the event's type.
func (Connection) Kind() Kind { return KindConnection }

// Kind names the event's type.
func (PlannedChange) Kind() Kind { return KindPlannedChange }

// Kind names the event's type.
func (PlanSummary) Kind() Kind { return KindPlanSummary }

// Kind names the event's type.
func (Sent) Kind() Kind { return KindSent }

// Kind names the event's type.
func (Through) Kind() Kind { return KindThrough }

// Kind names the event's type.
func (Identity) Kind() Kind { return KindIdentity }

// Kind names the event's type.
func (TaskStart) Kind() Kind { return KindTaskStart }

// Kind names the event's type.
func (Output) Kind() Kind { return KindOutput }

// Kind names the event's type.
func (Progress) Kind() Kind { return KindProgress }

// Kind names the event's type.
func (TaskEnd) Kind() Kind { return KindTaskEnd }

// Kind names the event's type.
func (EarlyFailure) Kind() Kind { return KindEarlyFailure }

// Kind names the event's type.
func (HostEnd) Kind() Kind { return KindHostEnd }

// Kind names the event's type.
func (RunEnd) Kind() Kind { return KindRunEnd }
