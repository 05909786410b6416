locals {
  pairs = [for i in range(1024) : range(1024)]
}

output "pairs" { value = local.pairs }
