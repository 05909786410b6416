output "a" { value = 1 + "x" } # says: The operator takes number here, but this is string.
output "b" { value = [1, 2][5] } # says: There is no element 5: this list has 2 elements, and the first one is 0.
output "c" { value = { a = 1 }.b } # says: This value has no "b". There is only "a".
output "d" { value = "x".y } # says: This is string, which has no attributes.
output "e" { value = true ? 1 : "x" ? 2 : 3 }
output "f" { value = [for x in 5 : x] } # says: A for expression goes over a list, set, map or object, but this is number (5).
output "g" { value = { for x in [1, 1] : "k" => x } } # says: Two different items produced the key "k" in this 'for' expression. If duplicates are expected, use the ellipsis (...) after the value expression to enable grouping by key.
output "h" { value = 1 / 0 } # says: The output "h" cannot hold this: a number was divided by zero.
output "i" { value = !1 } # says: The operator takes bool here, but this is number.
output "j" { value = null + 1 } # says: One of the values that this operator takes is null.
output "k" { value = [1][*].x } # says: This is number, which has no attributes.
output "l" { value = "a" > "b" } # says: The operator takes number here, but this is string. # says: The operator takes number here, but this is string.
output "m" { value = { a = 1, a = 2 } }
output "n" { value = -"x" } # says: The operator takes number here, but this is string.
output "o" { value = true && "x" } # says: The operator takes bool here, but this is string.
output "p" { value = { (1) = 2 }["x"] } # says: This value has no "x". There is only "1".
output "q" { value = [1]["x"] } # says: An element of a list is chosen by a whole number from 0, and this index is not one.
output "r" { value = true ? [1] : { a = 1 } } # says: The two results must have one type. The 'true' value is list, but the 'false' value is object.
output "s" { value = { for k, v in "x" : k => v } } # says: A for expression goes over a list, set, map or object, but this is string ("x").
output "t" { value = { for k, v in { a = 1 } : null => v } } # says: Key expression in 'for' expression must not produce a null value.
output "u" { value = [for x in null : x] } # says: A for expression goes over a list, set, map or object, but this is null.
output "v" { value = [for x in [1] : x if "a"] } # says: The condition behind if must be bool, but this is string ("a").
output "w" { value = "a${ {} }" } # says: What is put into text must be string, number or bool, but this is object.
output "x" { value = { [] = 1 } } # says: A key must be string, but this is list.
output "y" { value = null.a } # says: This value is null, so it does not have any attributes.
output "z" { value = tolist([1])[-1] } # says: There is no element -1: this list has 1 element, and the first one is 0.
output "aa" { value = tolist([1])[0.5] } # says: An element of a list is chosen by a whole number from 0, and this index is not one.
output "ab" { value = toset([1])[0] } # says: A set has no order, so none of its elements can be chosen. The function tolist makes a list of it.
output "ac" { value = tomap({ a = 1 }).b } # says: This value has no "b". There is only "a".
output "ad" { value = tomap({ a = 1 })[[]] } # says: An element of a map is chosen by its key, which is string, and this index is not one.
output "ae" { value = { a = { b = 1 } }.a.c } # says: This value.a has no "c". There is only "b".
output "af" { value = true ? 1 : [] } # says: The two results must have one type. The 'true' value is number, but the 'false' value is list.
output "ag" { value = null ? 1 : 2 } # says: The condition value is null. Conditions must either be true or false.
output "ah" { value = [] ? 1 : 2 } # says: A condition must be bool, but this is list.
output "ai" { value = "x" == 1 ? "a" : {} } # says: The two results must have one type. The 'true' value is string, but the 'false' value is object.
