package files_test

import "runner/agent/action/actiontest"

type args = actiontest.Args
