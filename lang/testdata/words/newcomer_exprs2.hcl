output "a" { value = null ? 1 : 2 } # says: The condition value is null. Conditions must either be true or false.
output "b" { value = [] ? 1 : 2 } # says: A condition must be bool, but this is list.
output "c" { value = "x" == 1 ? "a" : {} } # says: The two results must have one type. The 'true' value is string, but the 'false' value is object.
