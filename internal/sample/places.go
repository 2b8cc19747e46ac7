package sample

// country is how a country writes its numbers, in several eras at once.
type country struct {
	letter   byte // of customer ids
	names    []string
	cities   []city
	prefixes []uint64 // of mobile numbers
	// Patterns: # is a digit of the whole national number, ten digits in both countries. Repeats make a pattern likelier.
	mobilePatterns []string
	fixedPatterns  []string
	oldFixed       []string // ways of the old plan; # is a digit of the subscriber number, @ the old area code
	local          []string // without area, as in the city itself; # is a digit of the subscriber number
}

// city is where a landline is.
type city struct {
	country *country
	name    string
	plain   string // as those write it who leave accents out
	area    uint64 // as of today
	digits  int    // of a subscriber number
	oldArea string // as in the old plan
}

//nolint:gochecknoglobals // tables, never changed
var (
	colombia = withCities(&country{
		letter: 'C', names: []string{"Colombia", "CO", "COLOMBIA", "Colombia"},
		prefixes: []uint64{300, 301, 302, 304, 305, 310, 311, 312, 313, 314, 315, 316, 317, 318, 320, 321, 322, 323, 350, 351},
		mobilePatterns: []string{
			"##########", "##########", "##########", "##########", "### ### ####", "### ### ####", "### #######", "###-###-####",
			"(###) ### ####", "+57 ### ### ####", "+57##########", "+57 ##########", "57##########", "0057##########",
			"57-##########", "###.###.####", "### ### ## ##", "cel ##########", "##########.0", "#.#########E9", "03##########",
		},
		fixedPatterns: []string{
			"##########", "##########", "(###) #######", "(###) ### ## ##", "### #######", "+57 ### #######", "57##########", "### ### ####",
		},
		oldFixed: []string{"(@) #######", "57@#######", "+57 @ ###-####", "(57@) ### ## ##", "03@ #######", "(03@)#######"},
		local:    []string{"#######", "### ## ##", "###-####", "### ####", "Tel. #######"},
	}, []city{
		{name: "Bogotá", plain: "BOGOTA", area: 601, oldArea: "1"}, {name: "Bogotá D.C.", plain: "Bogota D.C.", area: 601, oldArea: "1"},
		{name: "Bogotá", plain: "Bogota", area: 601, oldArea: "1"}, {name: "Medellín", plain: "MEDELLIN", area: 604, oldArea: "4"},
		{name: "Medellín", plain: "Medellin", area: 604, oldArea: "4"}, {name: "Cali", plain: "CALI", area: 602, oldArea: "2"},
		{name: "Barranquilla", plain: "BARRANQUILLA", area: 605, oldArea: "5"}, {name: "Cartagena", plain: "CARTAGENA", area: 605, oldArea: "5"},
		{name: "Bucaramanga", plain: "BUCARAMANGA", area: 607, oldArea: "7"}, {name: "Cúcuta", plain: "CUCUTA", area: 607, oldArea: "7"},
		{name: "Pereira", plain: "PEREIRA", area: 606, oldArea: "6"}, {name: "Manizales", plain: "MANIZALES", area: 606, oldArea: "6"},
		{name: "Ibagué", plain: "IBAGUE", area: 608, oldArea: "8"}, {name: "Villavicencio", plain: "VILLAVICENCIO", area: 608, oldArea: "8"},
		{name: "Neiva", plain: "NEIVA", area: 608, oldArea: "8"}, {name: "Santa Marta", plain: "SANTA MARTA", area: 605, oldArea: "5"},
	})
	mexico = withCities(&country{
		letter: 'M', names: []string{"México", "MX", "Mexico", "MEXICO"},
		mobilePatterns: []string{
			"##########", "##########", "##########", "##########", "## #### ####", "### ### ####", "(##) ####-####", "+52 ## #### ####",
			"+52##########", "52##########", "+521##########", "521##########", "044##########", "045##########", "044 ## #### ####",
			"##-####-####", "0052##########", "cel. ##########", "##########.0", "#.#########E9",
		},
		fixedPatterns: []string{
			"##########", "##########", "## #### ####", "(##) #### ####", "### ### ## ##", "(###) ### ####", "+52 ### ### ####", "01##########",
			"01 ## #### ####", "01 (###) ### ## ##", "52##########",
		},
		oldFixed: []string{"(01@) #######", "01 @ #######"},
		local:    []string{"### ## ##", "#######"},
	}, []city{
		{name: "Ciudad de México", plain: "CDMX", area: 55}, {name: "Ciudad de México", plain: "Ciudad de Mexico", area: 55},
		{name: "Guadalajara", plain: "GUADALAJARA", area: 33}, {name: "Monterrey", plain: "MONTERREY", area: 81},
		{name: "Puebla", plain: "PUEBLA", area: 222}, {name: "Tijuana", plain: "TIJUANA", area: 664}, {name: "Mérida", plain: "MERIDA", area: 999},
		{name: "León", plain: "LEON", area: 477}, {name: "Querétaro", plain: "QUERETARO", area: 442}, {name: "Cancún", plain: "CANCUN", area: 998},
		{name: "Toluca", plain: "TOLUCA", area: 722}, {name: "Aguascalientes", plain: "AGUASCALIENTES", area: 449},
		{name: "Chihuahua", plain: "CHIHUAHUA", area: 614}, {name: "Morelia", plain: "MORELIA", area: 443}, {name: "Oaxaca", plain: "OAXACA", area: 951},
	})
)

func withCities(c *country, cities []city) *country {
	c.cities = cities
	for i := range c.cities {
		at := &c.cities[i]
		at.country, at.digits = c, 7
		if at.area < 100 {
			at.digits = 8
		}
		if at.oldArea == "" {
			at.oldArea = string(appendDigits(nil, at.area, 10-at.digits))
		}
	}
	return c
}

// subscriber is a random number of the city, without the area. First digits below 2 are not in use.
func (c *city) subscriber(g *generator) uint64 {
	first := powerOfTen(c.digits - 1)
	return (2+g.rand.Uint64N(7))*first + g.rand.Uint64N(first)
}

// whole is the national number of a landline.
func (c *city) whole(subscriber uint64) uint64 { return c.area*powerOfTen(c.digits) + subscriber }

// mobile is a random mobile number. In Mexico they have the areas of landlines.
func (c *country) mobile(g *generator) uint64 {
	if len(c.prefixes) > 0 {
		return c.prefixes[g.below(len(c.prefixes))]*1e7 + g.rand.Uint64N(1e7)
	}
	at := &c.cities[g.below(len(c.cities))]
	return at.whole(at.subscriber(g))
}

func (c *country) appendMobile(g *generator, b []byte, v uint64) []byte {
	return appendPattern(b, c.mobilePatterns[g.below(len(c.mobilePatterns))], v, 10)
}

func (c *country) appendFixed(g *generator, b []byte, at *city, subscriber uint64) []byte {
	switch way := g.below(100); {
	case way < 25 && at.digits == 7:
		pattern := c.oldFixed[g.below(len(c.oldFixed))]
		for i := range len(pattern) {
			if pattern[i] == '@' {
				b = append(b, pattern[:i]...)
				b = append(b, at.oldArea...)
				return appendPattern(b, pattern[i+1:], subscriber, at.digits)
			}
		}
	case way < 45 && at.digits == 7:
		return appendPattern(b, c.local[g.below(len(c.local))], subscriber, at.digits)
	}
	return appendPattern(b, c.fixedPatterns[g.below(len(c.fixedPatterns))], at.whole(subscriber), 10)
}
