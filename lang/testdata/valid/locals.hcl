locals {
  c = upper(local.b)
  a = "x"
}

locals {
  b = "${local.a}-${path.site == path.module}"
}

output "c" {
  value = local.c
}
