output "number" {
  value = 1.5
}

output "big" {
  value = 9007199254740993
}

output "nested" {
  value = { a = [1, "b", null, true], b = toset(["y", "x"]) }
}

output "facts" {
  value = host.localhost.facts.arch
}

output "host" {
  value = host.localhost.name
}
