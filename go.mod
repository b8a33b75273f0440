module github.com/digit-health/dhr

go 1.24.0
