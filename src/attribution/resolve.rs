//! From policies and an article to what its documents carry.

use std::sync::Arc;

use super::policies::{Carried, Party, Policies};
use super::visible::Piece;
use super::{Agency, Attribution, CreditLine, Licence, Logo, Missing, OtherParty, Required, byline, spelled, tidy};
use crate::article::Article;
use crate::config::{Edition, Element, Field, Fields, Lacking, Line, Link, Position, Terms};

impl Attribution {
    /// What `policies` ask of whoever republishes `article` from a document of `edition`.
    ///
    /// # Errors
    /// When a required element can come from neither of them; a withdrawal never fails.
    pub fn resolve(article: &Article, policies: &Policies, edition: &Edition) -> Result<Self, Missing> {
        let wire = &policies.wire;
        let parties = policies.parties(article);
        let own = &parties[0];
        let agency = Agency {
            name: own.name.clone(),
            short_name: tidy(&wire.short_name).unwrap_or_default(),
            url: own.url.clone(),
        };
        let mut resolving = Resolving {
            article,
            edition,
            fields: fields(article, &agency, edition),
            pieces: Vec::new(),
            required: Vec::new(),
            missing: Vec::new(),
        };
        let affiliations = resolving.affiliations(&parties);
        let affiliation = affiliations.join(", ");
        let credit = byline::credit(article, wire, &affiliation, &resolving.fields);
        let (byline, byline_without_word) =
            byline::texts(article, wire, credit.as_ref(), &affiliations, &resolving.fields);
        resolving.fields.insert(Field::Affiliation, affiliation.clone());
        if let Some(credit) = &credit {
            resolving.fields.insert(Field::Names, credit.text.clone());
        }

        let own_affiliation = resolving.carried(own, Element::Affiliation).and_then(|it| affiliation_of(own, &it));
        let logos: Vec<_> = parties.iter().map(|party| resolving.logo(party)).collect();
        let names = credit.map(|credit| credit.names);
        let told = match &names {
            None if wire.byline_of_nobody.is_some() && !byline.is_empty() => Some(vec![byline.clone()]),
            told => told.clone(),
        };
        resolving.byline(own, told, &byline);
        for party in &parties {
            resolving.affiliation(party, names.as_deref().unwrap_or_default());
        }
        let licence = resolving.licence(own);
        let contact = resolving.contact(own, licence.as_ref());
        let mut lines = resolving.lines(own);
        for party in &parties[1..] {
            let licence = resolving.licence(party);
            let contact = resolving.contact(party, licence.as_ref());
            lines.extend(licence.map(|licence| CreditLine { text: licence.line, href: licence.url }));
            lines.extend(contact.map(|text| CreditLine { text, href: None }));
            lines.extend(resolving.lines(party));
        }
        for party in &parties {
            resolving.canonical(party);
            resolving.tracking(party);
        }

        let Resolving { pieces, required, missing, .. } = resolving;
        let withdraws = article.action.withdraws();
        if !missing.is_empty() && !withdraws {
            let (story, version, wire) = (article.guid.clone(), article.version, (&article.wire).into());
            return Err(Missing { story, version, wire, elements: missing });
        }
        let others = parties[1..].iter().filter_map(|party| {
            Some(OtherParty { role: party.role?, name: party.name.clone(), url: party.url.clone() })
        });
        Ok(Self {
            affiliation,
            logo: logos.into_iter().next().flatten(),
            licence,
            contact,
            lines: if withdraws { Vec::new() } else { lines },
            others: others.collect(),
            byline,
            byline_without_word,
            own_affiliation,
            former: wire.former_lines.clone(),
            pieces: if withdraws { Vec::new() } else { pieces },
            required: Arc::new(if withdraws { Vec::new() } else { required }),
            agency,
        })
    }
}

/// What is put together while the policies are gone through.
struct Resolving<'a> {
    article: &'a Article,
    edition: &'a Edition,
    fields: Fields,
    pieces: Vec<(Position, Piece)>,
    required: Vec<Required>,
    missing: Vec<(String, String)>,
}

impl Resolving<'_> {
    /// The affiliations that the byline names: the wire's, and those that other policies ask for.
    fn affiliations(&self, parties: &[Party<'_>]) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for party in parties {
            let name = self.carried(party, Element::Affiliation).and_then(|carried| affiliation_of(party, &carried));
            names.extend(name.filter(|name| !names.contains(name)));
        }
        names
    }

    fn logo(&mut self, party: &Party<'_>) -> Option<Logo> {
        let carried = self.carried(party, Element::Logo)?;
        let logo = party.logo.and_then(|logo| {
            Some(Logo {
                url: spelled(tidy(&logo.url)?),
                alt: logo.alt.as_deref().and_then(tidy).or_else(|| tidy(&party.name))?,
                width: logo.width,
                height: logo.height,
            })
        });
        match &logo {
            None => self.lacks(party, Element::Logo, &carried, "no logo is configured; set {}.logo.url"),
            Some(logo) => {
                self.show(carried.position, Piece::Logo(logo.clone()));
                let required = self.require(party, Element::Logo, &carried, vec![logo.url.clone()]);
                if let Some(required) = required {
                    required.in_field = party.is_wire();
                }
            }
        }
        logo
    }

    /// `told`: what of the byline has to be found again; `None` when it names nobody.
    fn byline(&mut self, wire: &Party<'_>, told: Option<Vec<String>>, byline: &str) {
        let Some(carried) = self.carried(wire, Element::Byline) else { return };
        if !byline.is_empty() {
            self.show(carried.position, Piece::Byline);
        }
        match told {
            Some(told) => drop(self.require(wire, Element::Byline, &carried, told)),
            None => {
                let why = "the article names no reporter; give it `authors` or a `byline`";
                self.lacks(wire, Element::Byline, &carried, why);
            }
        }
    }

    fn affiliation(&mut self, party: &Party<'_>, names: &[String]) {
        let Some(carried) = self.carried(party, Element::Affiliation) else { return };
        match affiliation_of(party, &carried) {
            None => self.lacks(party, Element::Affiliation, &carried, "the affiliation is blank; set {}.affiliation"),
            Some(affiliation) => {
                let needles = names.iter().cloned().chain([affiliation]).collect();
                self.require(party, Element::Affiliation, &carried, needles);
            }
        }
    }

    fn licence(&mut self, party: &Party<'_>) -> Option<Licence> {
        let carried = self.carried(party, Element::Licence)?;
        let licence = party.licence.and_then(|licence| {
            Some(Licence {
                id: licence.id.as_deref().and_then(tidy),
                url: licence.url.as_deref().and_then(tidy),
                line: tidy(reworded(&carried).unwrap_or(&licence.line))?,
            })
        });
        match &licence {
            None => self.lacks(party, Element::Licence, &carried, "no licence is configured; set {}.licence.line"),
            Some(licence) => {
                let line = CreditLine { text: licence.line.clone(), href: licence.url.clone() };
                self.show(carried.position, Piece::Line { label: String::new(), line, has_to_link: false });
                self.require(party, Element::Licence, &carried, vec![licence.line.clone()]);
            }
        }
        licence
    }

    fn contact(&mut self, party: &Party<'_>, licence: Option<&Licence>) -> Option<String> {
        let carried = self.carried(party, Element::Contact)?;
        let contact = reworded(&carried).or(party.contact).and_then(tidy);
        match &contact {
            None => self.lacks(party, Element::Contact, &carried, "no contact is configured; set {}.contact"),
            Some(contact) => {
                // A licence line that names the contact says it already.
                if !licence.is_some_and(|licence| super::stands_in(&licence.line, contact)) {
                    let label = if party.is_wire() { "Licensing: ".to_owned() } else { format!("{}: ", party.name) };
                    let line = CreditLine { text: contact.clone(), href: super::contact_href(contact) };
                    self.show(carried.position, Piece::Line { label, line, has_to_link: false });
                }
                self.require(party, Element::Contact, &carried, vec![contact.clone()]);
            }
        }
        contact
    }

    /// The lines of a policy's own.
    fn lines(&mut self, party: &Party<'_>) -> Vec<CreditLine> {
        let mut lines = Vec::new();
        for (name, terms) in party.elements.iter().filter(|(name, _)| Element::named(name) == Element::Line) {
            let Some(carried) = party.carries(name, self.article.action, self.edition) else { continue };
            match self.line(party, terms, &carried) {
                Err(why) if carried.required => self.missing.push((party.element(name), why)),
                Ok(None) | Err(_) => {}
                Ok(Some(line)) => {
                    let has_to_link = line.href.is_some();
                    let piece = Piece::Line { label: String::new(), line: line.clone(), has_to_link };
                    self.show(carried.position, piece);
                    if carried.required {
                        self.required.push(Required {
                            name: party.element(name),
                            element: Element::Line,
                            needles: vec![line.text.clone()],
                            href: line.href.clone(),
                            in_field: true,
                            pictures: Vec::new(),
                        });
                    }
                    lines.push(line);
                }
            }
        }
        lines
    }

    fn line(&self, party: &Party<'_>, terms: &Terms, carried: &Carried<'_>) -> Result<Option<CreditLine>, String> {
        let text = carried.change.and_then(|change| change.text.as_ref()).or(terms.text.as_ref());
        let Some(text) = text else { return Ok(None) };
        let href = match &terms.link {
            None => None,
            Some(Link::Home) => party.url.clone(),
            Some(Link::Address(address)) => Some(spelled(address.clone())),
            Some(Link::Article) => {
                let canonical = self.article.canonical.clone();
                let why = "the article has no address to link to; give it a `canonical_url`";
                Some(spelled(canonical.ok_or_else(|| why.to_owned())?))
            }
        };
        Ok(tidy(&self.filled(text, &party.fields(&self.fields))?).map(|text| CreditLine { text, href }))
    }

    fn filled(&self, line: &Line, fields: &Fields) -> Result<String, String> {
        line.fill(fields).map_err(|lacking: Lacking| format!("the article has no {lacking}, which {line:?} names"))
    }

    fn canonical(&mut self, party: &Party<'_>) {
        let Some(carried) = self.carried(party, Element::Canonical).filter(|carried| carried.required) else { return };
        match &self.article.canonical {
            Some(address) => {
                let href = spelled(address.clone());
                let leads_there =
                    |piece: &Piece| matches!(piece, Piece::Line { line, .. } if line.href.as_ref() == Some(&href));
                // Not every format has a field for it.
                if !self.pieces.iter().any(|(_, piece)| leads_there(piece)) {
                    let text = format!("Read the original article at {}.", party.name);
                    let line = CreditLine { text, href: Some(href.clone()) };
                    let piece = Piece::Line { label: String::new(), line, has_to_link: true };
                    self.show(carried.position, piece);
                }
                let mut needles = vec![address.clone()];
                needles.extend(Some(href).filter(|href| href != address));
                self.require(party, Element::Canonical, &carried, needles);
            }
            None => {
                let why = "the article names no canonical address; give it a `canonical_url`";
                self.lacks(party, Element::Canonical, &carried, why);
            }
        }
    }

    fn tracking(&mut self, party: &Party<'_>) {
        let Some(carried) = self.carried(party, Element::Tracking) else { return };
        let Some(tracking) = party.tracking else {
            return self.lacks(party, Element::Tracking, &carried, "no address is configured; set {}.tracking");
        };
        let encode = |text: &String| url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let fields = party.fields(&self.fields).iter().map(|(field, text)| (*field, encode(text))).collect();
        match self.filled(tracking, &fields) {
            Err(why) if carried.required => self.missing.push((party.element(Element::Tracking.as_str()), why)),
            Err(_) => {}
            Ok(address) => {
                let address = spelled(address);
                self.show(Position::End, Piece::Pixel(address.clone()));
                if let Some(required) = self.require(party, Element::Tracking, &carried, vec![address]) {
                    required.in_field = false;
                }
            }
        }
    }

    fn carried<'p>(&self, party: &'p Party<'_>, element: Element) -> Option<Carried<'p>>
    where
        Self: 'p,
    {
        party.carries(element.as_str(), self.article.action, self.edition)
    }

    /// Readers see it once, however many policies have them see the same.
    fn show(&mut self, position: Position, piece: Piece) {
        if !self.pieces.iter().any(|(_, shown)| *shown == piece) {
            self.pieces.push((position, piece));
        }
    }

    /// Asks for the element where it is required, by its own name in the format's field and in what readers see.
    fn require(
        &mut self,
        party: &Party<'_>,
        element: Element,
        carried: &Carried<'_>,
        needles: Vec<String>,
    ) -> Option<&mut Required> {
        if !carried.required {
            return None;
        }
        let name = party.element(element.as_str());
        // Others' licences and contacts are lines among lines in the formats' fields.
        let element = match element {
            Element::Licence | Element::Contact if !party.is_wire() => Element::Line,
            element => element,
        };
        self.required.push(Required { name, element, needles, href: None, in_field: true, pictures: Vec::new() });
        self.required.last_mut()
    }

    /// Notes that the element cannot be supplied, when it has to be. `{}` in `mend` stands for the policy's section.
    fn lacks(&mut self, party: &Party<'_>, element: Element, carried: &Carried<'_>, mend: &str) {
        // What a policy of somebody else's does not give, it does not ask for.
        let asked = party.is_wire() || carried.terms.is_some_and(|terms| terms.required == Some(true));
        if carried.required && asked {
            self.missing.push((party.element(element.as_str()), mend.replace("{}", &party.section())));
        }
    }
}

fn affiliation_of(party: &Party<'_>, carried: &Carried<'_>) -> Option<String> {
    reworded(carried).or(party.affiliation).and_then(tidy)
}

/// What a partner's contract says instead.
fn reworded<'a>(carried: &Carried<'a>) -> Option<&'a str> {
    carried.change.and_then(|change| change.text.as_ref()).map(Line::as_str)
}

fn fields(article: &Article, agency: &Agency, edition: &Edition) -> Fields {
    let some = |text: &str| Some(text.to_owned());
    let year = article.created.or(article.versioned).map(|at| at.strftime("%Y").to_string());
    let all = [
        (Field::Agency, some(&agency.name)),
        (Field::AgencyShortName, some(&agency.short_name)),
        (Field::AgencyUrl, agency.url.clone()),
        (Field::Headline, some(&article.headline)),
        (Field::Dateline, article.dateline.clone()),
        (Field::Story, some(article.guid.as_str())),
        (Field::Version, Some(article.version.to_string())),
        (Field::ArticleUrl, article.canonical.clone()),
        (Field::CopyrightHolder, Some(article.copyright_holder.clone().unwrap_or_else(|| agency.name.clone()))),
        (Field::Year, year),
        (Field::Partner, edition.partner.as_ref().map(ToString::to_string)),
    ];
    all.into_iter().filter_map(|(field, text)| Some((field, text.filter(|text| !text.trim().is_empty())?))).collect()
}
