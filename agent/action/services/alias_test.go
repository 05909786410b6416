package services_test

import "runner/agent/action/actiontest"

type args = actiontest.Args
