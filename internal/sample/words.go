package sample

//nolint:gochecknoglobals // tables, never changed
var (
	firstNames = []string{
		"María", "José", "Luis", "Ana", "Juan", "Luz", "Carlos", "Sofía", "Andrés", "Valentina", "Jorge", "Camila", "Pedro", "Laura",
		"Miguel", "Daniela", "Óscar", "Paula", "Héctor", "Lucía", "Rubén", "Inés", "Iván", "Teresa", "Raúl", "Elena", "Ángel", "Rosa",
		"Jesús", "Adriana", "Fabián", "Marta", "Hernán", "Gloria", "Diego", "Natalia", "Germán", "Beatriz", "Nicolás", "Yolanda",
	}
	lastNames = []string{
		"García", "Rodríguez", "Martínez", "López", "González", "Hernández", "Pérez", "Sánchez", "Ramírez", "Torres", "Gómez", "Díaz",
		"Vargas", "Rojas", "Moreno", "Muñoz", "Castro", "Ortiz", "Jiménez", "Ruiz", "Mendoza", "Suárez", "Peña", "Nuñez", "Cárdenas",
		"Salazar", "Ríos", "Guerrero", "Mejía", "Castañeda", "Acosta", "Cabrera", "Ibáñez", "Zapata", "Quintero", "Luna", "Ávila",
	}
	// companies as they stand in a CSV cell.
	companies = []string{
		`"Distribuidora ""El Ejemplo"", S.A."`, `Ferretería Ficticia Ltda.`, `"Comercializadora Inventada, S. de R.L."`,
		`Panadería de Muestra`, `Transportes Imaginarios S.A.S.`, `"Talleres ""Prueba"""`, `Droguería Supuesta`, `Hotel Simulado S.A. de C.V.`,
	}
	joints     = []string{" / ", " - ", ", ", " y ", "; ", "/", "--", " o "}
	extensions = []string{" ext ", " ext. ", " EXT", " Ext: ", " x"}
	rounded    = []string{"3.0012E+09", "3.11E+09", "5.512E+09", "3.1E9"}
	junk       = []string{
		"no tiene", "N/A", "0000000", "sin telefono", "123", "xxxx", "-", "pendiente", "ver correo", "abc123def", "9999999999", ".", "?",
	}
)
