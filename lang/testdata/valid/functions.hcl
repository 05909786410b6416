output "some" {
  value = [
    env("RUNNER_TEST_NOTHING", "otherwise"),
    cidrhost("10.0.0.0/24", 5),
    formatdate("YYYY", "2026-11-23T00:00:00Z"),
    nonsensitive(sensitive("shown")),
    merge({ a = 1 }, { b = 2 }),
    try(local.nothing.deep, "fallback"),
    [for i, x in ["a", "b"] : "${i}${x}"],
    { for x in ["a", "b", "a"] : x => x... },
  ]
}

locals {
  nothing = {}
}
