locals { port = 8000 + "eighty" }

output "port" { value = local.port }
