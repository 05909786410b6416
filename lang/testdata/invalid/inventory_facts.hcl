inventory "exec" "a" {
  argv = ["echo", host.localhost.facts.arch] # error: not_static
}
