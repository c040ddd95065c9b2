// What the owner decides about the donation pages, the widget and the news.
import { Button } from '@wix/design-system';
import { useState } from 'react';

import { api, ApiError, dataOf } from '../api/client';
import type { components } from '../api/schema';
import { type Resource, useResource } from '../data/resource';
import { ChoiceField, ColorField, LongTextField, SwitchField, TextField } from '../parts/Fields';
import { Steps } from '../parts/Example';
import { Loaded } from '../parts/Loaded';
import { Notice } from '../parts/Notice';
import { Section } from '../parts/Section';
import { currencies } from '../parts/currencies';
import { toast } from '../wix/frame';

type Stored = components['schemas']['SiteSettingsAnswer'];
type Input = components['schemas']['SiteSettingsInput'];
type Name = keyof Stored;
/** As the form has them: everything that is typed is text. */
type Draft = Partial<Record<Name, string | boolean>>;

const AMOUNTS: readonly Name[] = ['pageAmounts', 'widgetAmounts'];

export default function Settings() {
  const stored = useResource('settings', () => dataOf(api.GET('/api/v1/wix/settings')));
  return (
    <Loaded resource={stored} what="settings">
      {(settings) => <Form settings={settings} resource={stored} />}
    </Loaded>
  );
}

const shown = (value: Stored[Name]): string => (Array.isArray(value) ? value.join(', ') : String(value ?? ''));

function sent(draft: Draft): Input {
  const entries = Object.entries(draft).map(([name, value]) => [
    name,
    AMOUNTS.includes(name as Name) ? amountsOf(String(value)) : value,
  ]);
  return Object.fromEntries(entries) as Input;
}

const amountsOf = (text: string): string[] => text.split(/[\s,;]+/).filter(Boolean);

function Form({ settings, resource }: { settings: Stored; resource: Resource<Stored> }) {
  const [draft, setDraft] = useState<Draft>({});
  const [rejected, setRejected] = useState<ApiError>();
  const [isSaving, setSaving] = useState(false);
  const change = (name: Name) => (value: string | boolean) => setDraft((before) => ({ ...before, [name]: value }));
  const text = (name: Name) => ({
    value: String(draft[name] ?? shown(settings[name])),
    onChange: change(name),
    error: rejected?.fields[name],
  });

  function discard() {
    setDraft({});
    setRejected(undefined);
  }

  async function save() {
    setSaving(true);
    try {
      await dataOf(api.PUT('/api/v1/wix/settings', { body: sent(draft) }));
      await resource.reload();
      discard();
      await toast('Your settings are saved.');
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setRejected(error);
    } finally {
      setSaving(false);
    }
  }

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      {settings.contactEmail === null && <Unset />}
      <Texts text={text} />
      <Look text={text} />
      <Widget text={text} settings={settings} draft={draft} change={change} />
      <News text={text} />
      {rejected && (
        <Notice kind="danger" title="Nothing was saved">
          {rejected.message}
        </Notice>
      )}
      <div className="actions">
        <Button type="submit" disabled={isSaving || Object.keys(draft).length === 0}>
          {isSaving ? 'Saving…' : 'Save'}
        </Button>
        {Object.keys(draft).length > 0 && (
          <Button priority="secondary" disabled={isSaving} onClick={discard}>
            Discard changes
          </Button>
        )}
      </div>
    </form>
  );
}

function Unset() {
  return (
    <Steps
      title="Your pages still show our examples"
      steps={[
        'Enter who receives the gifts and an address for questions, and save.',
        'Put the donation widget or a donation page on your site.',
      ]}
    />
  );
}

type TextOf = (name: Name) => { value: string; onChange: (value: string) => void; error: string | undefined };

function Texts({ text }: { text: TextOf }) {
  const own = 'Leave it empty for our own text, in the visitor’s language.';
  return (
    <Section title="Donation pages" subtitle="Visitors see a change within a minute.">
      <div className="fields">
        <TextField
          label="Who receives the gifts"
          placeholder="Riverside Library Trust"
          longest={60}
          {...text('organizationName')}
        />
        <TextField label="Heading" hint={own} longest={120} {...text('pageTitle')} />
        <LongTextField label="Text below the heading" hint={own} longest={400} {...text('pageText')} />
        <LongTextField
          label="Thank-you text"
          hint="Shown after a gift, besides the thanks."
          longest={300}
          {...text('thankYouText')}
        />
        <TextField label="Address for questions" type="email" placeholder="giving@example.org" {...text('contactEmail')} />
        <TextField label="Link to your privacy notice" type="url" placeholder="https://" {...text('privacyUrl')} />
        <TextField label="Link to your refund policy" type="url" placeholder="https://" {...text('refundUrl')} />
      </div>
    </Section>
  );
}

function Look({ text }: { text: TextOf }) {
  return (
    <Section title="Amounts and colours">
      <div className="fields">
        <ChoiceField
          label="Currency to begin with"
          choices={[['', 'That of the visitor’s country'], ...currencies()]}
          {...text('defaultCurrency')}
        />
        <TextField label="Suggested amounts" hint="Up to six, such as 10, 25, 50" {...text('pageAmounts')} />
        <ColorField
          label="Colour of buttons and links"
          hint="We make it darker or lighter where text could not be read."
          {...text('accentColor')}
        />
      </div>
    </Section>
  );
}

interface WidgetProps {
  text: TextOf;
  settings: Stored;
  draft: Draft;
  change: (name: Name) => (value: string | boolean) => void;
}

function Widget({ text, settings, draft, change }: WidgetProps) {
  return (
    <Section title="Widget" subtitle="The defaults of each widget on your site; its own panel can change them.">
      <div className="fields">
        <TextField label="Heading of the widget" longest={100} {...text('widgetTitle')} />
        <TextField label="Suggested amounts of the widget" hint="Up to six, such as 10, 25, 50" {...text('widgetAmounts')} />
        <ChoiceField
          label="Colours of the widget"
          choices={[
            ['light', 'Light'],
            ['dark', 'Dark'],
          ]}
          {...text('widgetTheme')}
        />
        <SwitchField
          label="Border around the widget"
          isOn={Boolean(draft.widgetBorder ?? settings.widgetBorder)}
          onChange={change('widgetBorder')}
        />
      </div>
    </Section>
  );
}

function News({ text }: { text: TextOf }) {
  return (
    <Section title="Notices">
      <div className="fields">
        <TextField
          label="Notification address"
          type="email"
          hint="The people who run your payments backend can write to it. The app itself sends no e-mails."
          {...text('notificationEmail')}
        />
      </div>
    </Section>
  );
}
