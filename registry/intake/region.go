package intake

import (
	"strings"

	"golang.org/x/text/language"

	"phoneregistry/registry/numbering"
)

// countries are names of countries as they stand in files, folded, with their region. ISO codes of two and three
// letters need not be listed.
func countries() map[string]string {
	names := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(countryNames), "\n") {
		region, list, _ := strings.Cut(line, ":")
		for name := range strings.SplitSeq(list, ",") {
			names[fold(name)] = region
		}
	}
	return names
}

const countryNames = `
AR:argentina,república argentina
BO:bolivia
BR:brasil,brazil
CA:canadá,canada
CL:chile
CO:colombia,república de colombia
CR:costa rica
CU:cuba
DE:alemania,germany,deutschland
DO:república dominicana,dominican republic,rep dominicana
EC:ecuador
ES:españa,spain
FR:francia,france
GB:reino unido,united kingdom,uk,inglaterra,england,gran bretaña,great britain
GT:guatemala
HN:honduras
HT:haití
IT:italia,italy
JM:jamaica
MX:méxico,méjico,estados unidos mexicanos
NI:nicaragua
NL:países bajos,holanda,netherlands
PA:panamá
PE:perú
PR:puerto rico
PT:portugal
PY:paraguay
SV:el salvador,salvador
US:estados unidos,estados unidos de américa,united states,united states of america,usa,eeuu,ee uu,eua
UY:uruguay
VE:venezuela,república bolivariana de venezuela
`

// regionOf returns the region that a cell names; "" when it names none that numbers can be read in.
func regionOf(cell string, names map[string]string) string {
	cell = strings.TrimSpace(cell)
	if len(cell) == 0 || len(cell) > 64 {
		return ""
	}
	if region, ok := names[fold(cell)]; ok {
		return region
	}
	if len(cell) != 2 && len(cell) != 3 {
		return ""
	}
	region, err := language.ParseRegion(cell)
	if err != nil || !numbering.SupportedRegion(region.String()) {
		return ""
	}
	return region.String()
}
