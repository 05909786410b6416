locals { root = 1 }
output "a" { value = local.rot } # says: The site declares no local "rot". Did you mean "root"?
