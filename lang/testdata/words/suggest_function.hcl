output "o" { value = tolit([]) } # says: There is no function "tolit". Did you mean "tolist"?
output "o2" { value = string("a") } # says: There is no function "string". Did you mean "tostring"?
