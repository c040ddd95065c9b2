// The editor around the settings panel, played with Wix's own code: one widget is selected on the canvas.
import { PlatformConsumerEnvironmentAPIType } from '@wix/editor-platform-environment-api';
import { IFrameHostEndpoint } from '@wix/editor-platform-transport';

const frame = document.querySelector('iframe');
window.attributes = { title: 'On the canvas', theme: 'dark' };
const privateAPI = {
  components: { getSelectedComponents: async () => [{ id: 'widget' }] },
  refComponents: { isRefComponent: async () => false },
  customElement: {
    getAttribute: async (_widget, name) => window.attributes[name],
    setAttribute: async (_widget, name, value) => {
      if (window.isLocked) throw new Error('somebody else edits this page');
      window.attributes[name] = value;
    },
  },
};
IFrameHostEndpoint.connect(frame, async (channel) => {
  const panel = await channel.waitAPI(PlatformConsumerEnvironmentAPIType.Frame);
  await panel.initEnvironment({ privateAPI, applicationPrivateAPI: {}, context: { appDefinitionId: 'app' } });
});
