# What is no type.
variable "a" { type = strng } # says: There is no type "strng". Did you mean "string"?
variable "b" { type = "string" } # says: A type stands without quotes: string.
variable "c" { type = list } # says: The type "list" needs to know what is in it, such as list(string).
variable "d" { type = lst(string) } # says: There is no type "lst". Did you mean "list"?
variable "e" { type = object({ a = strin }) } # says: There is no type "strin". Did you mean "string"?
variable "f" { type = object } # says: The type "object" needs to know what is in it, such as object({ name = string }).
variable "g" { type = list(string, number) } # says: The type "list" is written as in list(string).
variable "h" { type = map() } # says: The type "map" is written as in map(string).
variable "i" { type = optional(string) } # says: Only an attribute of an object can be optional, as in object({ port = optional(number) }).
variable "j" { type = "list(string)" } # says: A type stands without quotes: list(string).
variable "k" { type = str } # says: There is no type "str". Did you mean "string"?
variable "l" { type = integer } # says: There is no type "integer". Did you mean "number"?
variable "m" { type = object({ a = optional(number, 1, 2) }) } # says: It takes the type of the attribute, and its default if it has one, as in optional(number, 8080).
variable "n" { type = tuple(string) } # says: The type "tuple" is written as in tuple([string, number]).
variable "o" { type = dict(string) } # says: There is no type "dict". Did you mean "map"?
variable "p" { type = boolean } # says: There is no type "boolean". Did you mean "bool"?
variable "q" { type = [string] } # says: This is not a type. The types are string, number, bool, any, list(TYPE), set(TYPE), map(TYPE), object({ NAME = TYPE }) and tuple([TYPE, TYPE]).
variable "r" { type = any(string) } # says: The type "any" takes nothing in parentheses.
variable "s" { type = null } # says: There is no type "null". The types are string, number, bool, any, list(TYPE), set(TYPE), map(TYPE), object({ NAME = TYPE }) and tuple([TYPE, TYPE]).
variable "t" { type = string.foo } # says: This is not a type. The types are string, number, bool, any, list(TYPE), set(TYPE), map(TYPE), object({ NAME = TYPE }) and tuple([TYPE, TYPE]).
variable "u" { type = 1 } # says: This is not a type. The types are string, number, bool, any, list(TYPE), set(TYPE), map(TYPE), object({ NAME = TYPE }) and tuple([TYPE, TYPE]).
